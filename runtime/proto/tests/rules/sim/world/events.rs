//! What happens to actors: messages, the bus, stops, deaths, time.
use super::*;

impl World {
    pub(in crate::sim) fn handle(&mut self, event: Event) {
        let actor = match &event {
            Event::Deliver { to, epoch, channel, .. } => {
                if self.channels[*channel].epoch != *epoch {
                    return;
                }
                *to
            }
            Event::Told { to, .. } => *to,
            Event::Timer { actor, .. } | Event::Tick { actor } | Event::Cancel { actor } => *actor,
            Event::Bus { from, message } => return self.on_bus(*from, &message.clone()),
            Event::Unfreeze { actor, over } => return self.unfreeze(*actor, *over),
            Event::Kill { actor } => {
                if self.actors[*actor].alive {
                    self.die(*actor);
                }
                return;
            }
            Event::KillAny => return self.kill_any(),
            Event::CutAny => return self.cut_any(),
            Event::CheckOrphans { actor } => {
                let left = (0..self.actors.len()).find(|other| self.actors[*other].alive && self.is_below(*other, *actor));
                assert_eq!(left, None, "rule 2.5: an orphan of {actor} two seconds after its death");
                return;
            }
        };
        if !self.actors[actor].alive {
            return;
        }
        if let (Event::Told { message, .. }, Some(frozen)) = (&event, self.actors[actor].frozen) {
            // A halted thread is served by the watch thread.
            match (message, frozen) {
                (ToActor::Queued { local, stop }, Frozen::Stopped { local: mine, lasts }) if *local == mine => {
                    self.report.stops += 1;
                    let over = Some(*stop);
                    return self.at(self.now + lasts, Event::Unfreeze { actor, over });
                }
                (ToActor::Refused { local }, Frozen::Stopped { local: mine, .. }) if *local == mine => return self.unfreeze(actor, None),
                _ => {}
            }
        }
        if self.actors[actor].frozen.is_some() {
            self.actors[actor].inbox.push_back(event);
            return;
        }
        self.on_event(actor, event);
        self.run_actor(actor);
    }

    pub(in crate::sim) fn on_event(&mut self, actor: usize, event: Event) {
        match event {
            Event::Deliver { channel, message, .. } => self.on_message(actor, channel, message),
            Event::Told { message, .. } => self.on_told(actor, message),
            Event::Timer { task, .. } => self.wake(actor, task),
            Event::Tick { .. } => self.on_tick(actor),
            Event::Cancel { .. } => self.feed_scopes(actor, scope::Input::Cancel { scope: ROOT, cause: ACTOR_CANCELLED }),
            _ => unreachable!("not an actor's event"),
        }
    }

    pub(in crate::sim) fn freeze(&mut self, actor: usize, lasts: u64, stop: bool) {
        if stop {
            self.actors[actor].stops += 1;
            let local = self.actors[actor].stops;
            self.actors[actor].frozen = Some(Frozen::Stopped { local, lasts });
            self.tell_root(actor, ToRoot::Ask { local });
        } else {
            self.actors[actor].frozen = Some(Frozen::Stuck);
            self.at(self.now + lasts, Event::Unfreeze { actor, over: None });
        }
    }
    pub(in crate::sim) fn unfreeze(&mut self, actor: usize, over: Option<StopId>) {
        if !self.actors[actor].alive {
            return;
        }
        if let Some(stop) = over {
            self.tell_root(actor, ToRoot::Over { stop });
        }
        self.actors[actor].frozen = None;
        // What was said meanwhile comes before what ran out meanwhile: an answer may lie among it.
        let mut later = Vec::new();
        while let Some(event) = self.actors[actor].inbox.pop_front() {
            if matches!(event, Event::Tick { .. }) {
                later.push(event);
            } else if self.actors[actor].alive {
                self.on_event(actor, event);
            }
        }
        for event in later {
            self.on_event(actor, event);
        }
        self.run_actor(actor);
    }
    pub(in crate::sim) fn kill_any(&mut self) {
        let alive: Vec<usize> = (0..self.actors.len()).filter(|actor| self.actors[*actor].alive).collect();
        let victim = alive[usize::try_from(self.rng.below(alive.len() as u64)).unwrap()];
        if victim != 0 || self.rng.one_in(4) {
            self.die(victim);
        }
    }
    /// Cuts a channel between actors that are not parent and child.
    pub(in crate::sim) fn cut_any(&mut self) {
        let cut = (0..self.channels.len()).find(|channel| {
            let [a, b] = self.channels[*channel].ends;
            self.channels[*channel].up && self.actors[a].parent != Some(b) && self.actors[b].parent != Some(a)
        });
        let Some(channel) = cut else { return };
        self.report.cuts += 1;
        self.lossy = true;
        let [a, b] = self.channels[channel].ends;
        self.channels[channel].epoch += 1;
        self.channels[channel].last = [self.now; 2];
        self.post(channel, a, Message::Eof);
        self.post(channel, b, Message::Eof);
        self.channels[channel].up = false;
    }

    pub(in crate::sim) fn on_message(&mut self, actor: usize, channel: usize, message: Message) {
        match message {
            Message::Start { dialog } => self.start_task(actor, dialog),
            Message::Down { dialog, message } => self.feed_callee(dialog, CalleeInput::Peer(message)),
            Message::Up { dialog, message, len, cause } => self.on_up(dialog, message, len, cause),
            Message::CancelActor => {
                self.post(channel, actor, Message::CancelActorAck);
                self.feed_scopes(actor, scope::Input::Cancel { scope: ROOT, cause: ACTOR_CANCELLED });
            }
            Message::CancelActorAck => {
                let kid = self.channels[channel].ends.into_iter().find(|end| *end != actor).unwrap();
                self.feed_ladder(kid, ladder::Input::Acked);
            }
            Message::Eof => self.on_eof(actor, channel),
        }
    }
    pub(in crate::sim) fn on_eof(&mut self, actor: usize, channel: usize) {
        self.channels[channel].up = false;
        for dialog in 0..self.dialogs.len() {
            if self.dialogs[dialog].channel != channel {
                continue;
            }
            if self.dialogs[dialog].ends[0] == actor {
                self.feed_caller(dialog, CallerInput::ChannelLost);
            }
            if self.dialogs[dialog].ends[1] == actor && self.dialogs[dialog].callee.is_some() {
                self.feed_callee(dialog, CalleeInput::ChannelLost);
            }
        }
        let kid = self.channels[channel].ends.into_iter().find(|end| *end != actor).unwrap();
        if self.actors[kid].parent == Some(actor) && !self.actors[kid].alive {
            self.reap(kid);
        }
    }
    /// Only after the channel was read to its end: a result may be among what it said last.
    pub(in crate::sim) fn reap(&mut self, kid: usize) {
        let Some((ladder, nursery)) = self.actors[kid].ladder.as_ref() else { return };
        let (asked, clean, nursery) = (ladder.begun(), self.actors[kid].graceful || ladder.signalled(), *nursery);
        self.feed_ladder(kid, ladder::Input::Exited);
        let death = self.raise();
        let error = self.group(vec![death]);
        self.feed_nursery(nursery, nursery::Input::ChildExited { child: ChildId(kid as u64), asked, clean, error });
        let told = self.nurseries[nursery].machine.errors().contains(&error);
        assert!(told || asked || clean, "rule 3.2: actor {kid} died unasked and its nursery does not mind");
        if !told {
            self.raised.remove(&death);
        }
    }

    pub(in crate::sim) fn on_bus(&mut self, from: usize, message: &ToRoot) {
        if !self.actors[0].alive {
            return;
        }
        let actor = self.actors[from].uuid;
        let input = match *message {
            ToRoot::Ask { local } => seat::Input::Ask { actor, local },
            ToRoot::Over { stop } => seat::Input::Over { actor, stop },
            ToRoot::MaySignal { ask, child } => seat::Input::MaySignal { asker: actor, ask, child: self.actors[child].uuid },
            ToRoot::Gone => seat::Input::Gone { actor },
        };
        let mut out = Vec::new();
        self.seat.on(Now(self.now), input, &mut out);
        for effect in out {
            match effect {
                seat::Effect::Debugged { actors } => {
                    let set: BTreeSet<Uuid> = actors.into_iter().collect();
                    for to in 0..self.actors.len() {
                        self.tell(to, ToActor::Debugged(set.clone()));
                    }
                }
                seat::Effect::Queued { actor, local, stop } => self.tell(number(actor), ToActor::Queued { local, stop }),
                seat::Effect::Refused { actor, local, .. } => self.tell(number(actor), ToActor::Refused { local }),
                seat::Effect::Signal { asker, ask, go } => self.tell(number(asker), ToActor::Signal { ask, go }),
                _ => {}
            }
        }
    }
    pub(in crate::sim) fn on_told(&mut self, actor: usize, message: ToActor) {
        match message {
            ToActor::Debugged(set) => {
                let before = std::mem::replace(&mut self.actors[actor].debugged, set.clone());
                for kid in 0..self.actors.len() {
                    let uuid = self.actors[kid].uuid;
                    if before.contains(&uuid) == set.contains(&uuid) {
                        continue;
                    }
                    let debugged = set.contains(&uuid);
                    if self.actors[kid].parent == Some(actor) {
                        self.feed_ladder(kid, ladder::Input::Debugged(debugged));
                    }
                    for dialog in 0..self.dialogs.len() {
                        if self.dialogs[dialog].ends == [actor, kid] {
                            self.feed_caller(dialog, if debugged { CallerInput::HoldClocks } else { CallerInput::ReleaseClocks });
                        }
                    }
                }
            }
            ToActor::Signal { ask, go } => {
                let (kid, number) = self.asks[&ask];
                self.feed_ladder(kid, if go { ladder::Input::Go { ask: number } } else { ladder::Input::Wait { ask: number } });
            }
            ToActor::Queued { .. } | ToActor::Refused { .. } => {}
        }
    }
    pub(in crate::sim) fn on_tick(&mut self, actor: usize) {
        self.actors[actor].tick = None;
        let now = Now(self.now);
        let mut out = Vec::new();
        self.actors[actor].scopes.on_time(now, &mut out);
        self.apply_scopes(actor, out);
        for dialog in 0..self.dialogs.len() {
            if self.dialogs[dialog].ends[0] == actor {
                let mut out = Vec::new();
                self.dialogs[dialog].caller.on_time(now, &mut out);
                self.apply_caller(dialog, out);
            }
        }
        for kid in 0..self.actors.len() {
            if self.actors[kid].parent == Some(actor)
                && let Some((ladder, _)) = &mut self.actors[kid].ladder
            {
                let mut out = Vec::new();
                ladder.on_time(now, &mut out);
                self.apply_ladder(kid, out);
            }
        }
    }
    pub(in crate::sim) fn schedule_tick(&mut self, actor: usize) {
        let dialogs = self.dialogs.iter().filter(|dialog| dialog.ends[0] == actor).filter_map(|dialog| dialog.caller.next_deadline());
        let ladders = self.actors.iter().filter(|kid| kid.parent == Some(actor)).filter_map(|kid| kid.ladder.as_ref()?.0.next_deadline());
        let next = dialogs.chain(ladders).chain(self.actors[actor].scopes.next_deadline()).min();
        if let Some(due) = next
            && self.actors[actor].tick.is_none_or(|tick| due.0 < tick)
        {
            let when = due.0.max(self.now);
            self.actors[actor].tick = Some(when);
            self.at(when, Event::Tick { actor });
        }
    }
}
