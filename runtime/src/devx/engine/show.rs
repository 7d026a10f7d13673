//! Places: the banner, the frames, the source around them.
use coulter_proto::observe::StopReason;
use coulter_proto::repl::{Line, Reply, Role, Span};

use super::super::source::Source;
use super::super::stack::Frame;
use super::{Engine, error, quiet, reply, usage};

/// Lines on each side of the current one.
const AROUND: usize = 5;
/// Lines on each side of it in a banner.
const BANNER_AROUND: usize = 2;

impl Engine {
    /// What is shown when the prompt opens.
    pub(in crate::devx) fn banner(&mut self) -> Vec<Line> {
        let (role, reason) = match &self.scene.reason {
            StopReason::Pause => (Role::Strong, "pause!()".to_owned()),
            StopReason::Panic(message) => (Role::Error, format!("panic: {message}")),
            StopReason::Error(message) => (Role::Error, format!("error: {message}")),
        };
        let mut reason = reason.lines().map(str::to_owned).collect::<Vec<_>>().into_iter();
        let mut lines = vec![Line(vec![
            Span::new(Role::Strong, format!("stopped in {}", self.actor)),
            Span::new(Role::Quiet, format!(", {}: ", self.task)),
            Span::new(role, reason.next().unwrap_or_default()),
        ])];
        lines.extend(reason.take(6).map(|more| Line(vec![Span::new(role, format!("  {more}"))])));
        lines.extend(self.scene.causes.iter().take(8).map(|cause| quiet(format!("  {cause}"))));
        let mut at = vec![Span::new(Role::Quiet, format!("at {}", self.place()))];
        if !self.scene.function.is_empty() {
            at.push(Span::new(Role::Quiet, " in "));
            at.push(Span::new(Role::Name, self.scene.function.clone()));
        }
        lines.push(Line(at));
        if let Some((file, line)) = self.banner_place() {
            // Without the source the place alone has to do.
            let source = Source::read(&file);
            lines.extend(source.into_iter().flat_map(|source| source.window(line.saturating_sub(BANNER_AROUND), line + BANNER_AROUND, Some(line))));
        }
        let names = self.values.names();
        if !names.is_empty() {
            lines.push(quiet(format!("captured: {}", names.join(", "))));
        }
        lines
    }

    fn banner_place(&self) -> Option<(String, usize)> {
        if !self.scene.file.is_empty() && self.scene.line > 0 {
            return Some((self.scene.file.clone(), self.scene.line as usize));
        }
        let frame = self.scene.frames.first()?;
        Some((frame.file.clone()?, frame.line? as usize))
    }

    /// `where`
    pub(super) fn show_frames(&mut self) -> Vec<Line> {
        let at = self.at;
        let frames = self.frames();
        if frames.is_empty() {
            return vec![quiet("no frames are known here: the error kept none; in debug mode it does")];
        }
        let width = frames.iter().map(|frame| frame.function.chars().count()).max().unwrap_or(0).min(48);
        let mut lines = Vec::with_capacity(frames.len());
        for (number, frame) in frames.iter().enumerate() {
            if frame.folded > 0 {
                lines.push(quiet(format!("       … {} of the runtime and libraries", plural(frame.folded, "frame"))));
            }
            let current = number == at;
            lines.push(Line(vec![
                Span::new(Role::Warning, if current { "> " } else { "  " }),
                Span::new(Role::Quiet, format!("{number:>3}  ")),
                Span::new(if current { Role::Strong } else { Role::Name }, format!("{:<width$}", frame.function)),
                Span::new(Role::Quiet, format!("  {}", frame.place())),
            ]));
        }
        lines
    }

    /// `up` and `down`
    pub(super) fn go(&mut self, rest: &str, direction: isize) -> Reply {
        let steps = if rest.is_empty() { Some(1) } else { rest.parse::<usize>().ok().and_then(|steps| isize::try_from(steps).ok()) };
        let Some(steps) = steps else {
            return reply(vec![usage(if direction > 0 { "up" } else { "down" })]);
        };
        let last = self.frames().len().saturating_sub(1);
        let wanted = isize::try_from(self.at).unwrap_or(isize::MAX).saturating_add(steps.saturating_mul(direction));
        let reached = usize::try_from(wanted).unwrap_or(0).min(last);
        if reached == self.at {
            let which = if direction > 0 { "outermost" } else { "innermost" };
            return reply(vec![Line::plain(format!("this is the {which} frame"))]);
        }
        self.enter(reached)
    }

    /// `frame N`
    pub(super) fn go_to(&mut self, rest: &str) -> Reply {
        let Ok(number) = rest.parse::<usize>() else {
            return if rest.is_empty() { self.enter(self.at) } else { reply(vec![usage("frame")]) };
        };
        match self.frames().len() {
            0 => reply(vec![error("no frames are known here")]),
            count if number >= count => reply(vec![error(format!("there is no frame {number}: they go from 0 to {}", count - 1))]),
            _ => self.enter(number),
        }
    }

    fn enter(&mut self, number: usize) -> Reply {
        self.at = number;
        self.listed = None;
        let Some(frame) = self.frames().get(number).cloned() else {
            return reply(vec![quiet("no frames are known here")]);
        };
        let mut lines = vec![Line(vec![
            Span::new(Role::Quiet, format!("frame {number}  ")),
            Span::new(Role::Name, frame.function.clone()),
            Span::new(Role::Quiet, format!("  {}", frame.place())),
        ])];
        if let (Some(file), Some(line)) = (&frame.file, frame.line) {
            let line = line as usize;
            let source = Source::read(file);
            lines.extend(source.into_iter().flat_map(|source| source.window(line, line, Some(line))));
        }
        reply(lines)
    }

    /// The frame looked at, with its source.
    fn sourced(&mut self) -> Result<(Source, usize), Line> {
        let at = self.at;
        let Some(frame) = self.frames().get(at).cloned() else {
            return Err(quiet("no frame is known here, so no line"));
        };
        let Frame { file: Some(file), line: Some(line), .. } = frame else {
            return Err(quiet(format!("no line is known of {}: build with debug information", frame.function)));
        };
        match Source::read(&file) {
            Some(source) => Ok((source, line as usize)),
            None => Err(quiet(format!("{file} cannot be read from here; it is line {line} of it"))),
        }
    }

    /// `list`
    pub(super) fn list(&mut self, rest: &str) -> Vec<Line> {
        let (source, current) = match self.sourced() {
            Ok(found) => found,
            Err(why) => return vec![why],
        };
        let from = match (rest, self.listed) {
            ("", Some(next)) => next,
            ("" | ".", _) => current.saturating_sub(AROUND),
            (line, _) => match line.split([',', ' ']).next().and_then(|line| line.parse::<usize>().ok()) {
                Some(line) => line.saturating_sub(AROUND),
                None => return vec![usage("list")],
            },
        }
        .max(1);
        if from > source.len() {
            return vec![quiet(format!("the file ends at line {}; `list .` is where this stands", source.len()))];
        }
        self.listed = Some(from + 2 * AROUND + 1);
        // The same command again goes on from there.
        self.last = Some("list".to_owned());
        source.window(from, from + 2 * AROUND, Some(current))
    }

    /// `ll`
    pub(super) fn long_list(&mut self) -> Vec<Line> {
        match self.sourced() {
            Ok((source, current)) => {
                let (from, to) = source.function_around(current);
                source.window(from, to, Some(current))
            }
            Err(why) => vec![why],
        }
    }
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
