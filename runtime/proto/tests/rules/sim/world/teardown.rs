//! The shell around scopes, nurseries and ladders.
use super::*;

impl World {
    pub(in crate::sim) fn feed_scopes(&mut self, actor: usize, input: scope::Input) {
        let mut out = Vec::new();
        self.actors[actor].scopes.on(Now(self.now), input, &mut out);
        self.apply_scopes(actor, out);
    }
    pub(in crate::sim) fn apply_scopes(&mut self, actor: usize, effects: Vec<scope::Effect>) {
        for effect in effects {
            match effect {
                scope::Effect::Wake { scope } => {
                    if let Some(task) = self.actors[actor].owners.get(&scope).copied() {
                        self.wake(actor, task);
                    }
                }
                scope::Effect::BeginDuty { duty } => match self.actors[actor].duties[&duty] {
                    DutyOf::Dialog(dialog) => self.feed_caller(dialog, CallerInput::BlockDropped),
                    DutyOf::Nursery(nursery) => self.feed_nursery(nursery, nursery::Input::BodyDropped),
                },
                scope::Effect::Finished { scope, errors, cause, caught } => {
                    let owner = self.actors[actor].owners.remove(&scope);
                    assert!(owner.is_some() || errors.is_empty(), "errors of a scope nobody owns");
                    if let Some(task) = owner {
                        self.actors[actor].finished.insert(scope, Ending { errors, cause, caught });
                        self.wake(actor, task);
                    }
                }
                scope::Effect::DropBody { .. } | scope::Effect::ErrorsMoved { .. } | scope::Effect::Opened { .. } | scope::Effect::DutyAdded { .. } => {}
            }
        }
    }
    pub(in crate::sim) fn feed_nursery(&mut self, nursery: usize, input: nursery::Input) {
        let mut out = Vec::new();
        self.nurseries[nursery].machine.on(Now(self.now), input, &mut out);
        let actor = self.nurseries[nursery].actor;
        for effect in out {
            match effect {
                nursery::Effect::DropBody => {
                    let scope = self.nurseries[nursery].scope;
                    self.feed_scopes(actor, scope::Input::Cancel { scope, cause: CauseToken(2) });
                }
                nursery::Effect::CancelChild { child } => self.feed_ladder(usize::try_from(child.0).unwrap(), ladder::Input::Cancel),
                nursery::Effect::Finished { errors } => {
                    let live = self.actors.iter().filter(|kid| kid.alive && kid.ladder.as_ref().is_some_and(|(_, of)| *of == nursery)).count();
                    assert_eq!(live, 0, "rule 3.1: a nursery finished before its actors");
                    self.nurseries[nursery].finished = true;
                    self.nurseries[nursery].duty_done = true;
                    let orphan = self.nurseries[nursery].owner.is_none();
                    let duty = self.nurseries[nursery].duty;
                    self.feed_scopes(actor, scope::Input::DutyDone { duty, errors: if orphan { errors } else { Vec::new() } });
                    if let Some(task) = self.nurseries[nursery].owner {
                        self.wake(actor, task);
                    }
                }
            }
        }
    }
    pub(in crate::sim) fn feed_ladder(&mut self, kid: usize, input: ladder::Input) {
        let now = Now(self.now);
        let parent = self.actors[kid].parent.expect("a kid");
        let debugged = self.actors[parent].debugged.contains(&self.actors[kid].uuid);
        let Some((ladder, _)) = &mut self.actors[kid].ladder else { return };
        let mut out = Vec::new();
        if !ladder.begun() {
            ladder.on(now, ladder::Input::Debugged(debugged), &mut out);
        }
        ladder.on(now, input, &mut out);
        self.apply_ladder(kid, out);
    }
    pub(in crate::sim) fn apply_ladder(&mut self, kid: usize, effects: Vec<ladder::Effect>) {
        let parent = self.actors[kid].parent.expect("a kid");
        for effect in effects {
            match effect {
                ladder::Effect::SendCancel => {
                    let channel = self.channels.iter().position(|link| link.ends == [parent, kid]).expect("a channel");
                    self.post(channel, parent, Message::CancelActor);
                }
                ladder::Effect::AskRoot { ask } => {
                    self.report.asks += 1;
                    let debugged = self.actors[parent].debugged.contains(&self.actors[kid].uuid);
                    assert!(!debugged, "rule 2.4: a clock ran out on actor {kid} in the debugger");
                    let number = self.asks.len() as u64;
                    self.asks.insert(number, (kid, ask));
                    self.tell_root(parent, ToRoot::MaySignal { ask: number, child: kid });
                }
                ladder::Effect::Signal(signal) => {
                    self.report.signals += 1;
                    assert!(
                        !self.actors[0].alive || !self.seat.debugged().contains(&self.actors[kid].uuid),
                        "rule 2.4: actor {kid} is in the debugger and was signalled"
                    );
                    let when = self.now + self.rng.below(1000);
                    let event = if signal == Signal::Term { Event::Cancel { actor: kid } } else { Event::Kill { actor: kid } };
                    self.at(when, event);
                }
                ladder::Effect::Done => {}
            }
        }
    }
}
