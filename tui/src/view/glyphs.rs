//! Every sign on the screen that is no letter, with its ASCII twin.
use coulter_proto::observe::ActorState;
use ratatui::symbols::border;

/// A set of signs.
#[derive(Debug)]
pub struct Glyphs {
    pub ascii: bool,
    pub starting: &'static str,
    pub running: &'static str,
    pub stopped: &'static str,
    pub cancelling: &'static str,
    pub ended: &'static str,
    pub died: &'static str,
    pub folded: &'static str,
    pub on: &'static str,
    pub off: &'static str,
    pub right: &'static str,
    pub both: &'static str,
    pub dot: &'static str,
    pub spark: [char; 8],
    pub border: border::Set<'static>,
}

/// For terminals that write UTF-8.
pub static UNICODE: Glyphs = Glyphs {
    ascii: false,
    starting: "◌",
    running: "●",
    stopped: "‖",
    cancelling: "◑",
    ended: "○",
    died: "✗",
    folded: "▸",
    on: "[x]",
    off: "[ ]",
    right: "→",
    both: "⇄",
    dot: "·",
    spark: ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
    border: border::PLAIN,
};

/// For those that do not.
pub static ASCII: Glyphs = Glyphs {
    ascii: true,
    starting: "o",
    running: "*",
    stopped: "=",
    cancelling: "~",
    ended: ".",
    died: "x",
    folded: ">",
    on: "[x]",
    off: "[ ]",
    right: "->",
    both: "<>",
    dot: "-",
    spark: ['_', '.', ',', '-', '=', '+', '*', '#'],
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
};

impl Glyphs {
    /// The sign of a state.
    #[must_use]
    pub fn state(&self, state: ActorState) -> &'static str {
        match state {
            ActorState::Starting => self.starting,
            ActorState::Running => self.running,
            ActorState::Stopped => self.stopped,
            ActorState::Cancelling => self.cancelling,
            ActorState::Ended { status, asked } if status.is_clean() || asked => self.ended,
            ActorState::Ended { .. } => self.died,
        }
    }
    /// A sparkline of the last values.
    #[must_use]
    pub fn sparkline(&self, values: impl Iterator<Item = u64> + Clone) -> String {
        let top = values.clone().max().unwrap_or(0).max(1);
        values.map(|value| self.spark[usize::try_from(value * 7 / top).unwrap_or(0).min(7)]).collect()
    }
    /// Text in this set: without UTF-8 every other character has its twin, or a question mark.
    #[must_use]
    pub fn text(&self, text: String) -> String {
        if !self.ascii || text.is_ascii() {
            return text;
        }
        let twin = |c| match c {
            '├' | '│' => '|',
            '└' => '`',
            '─' => '-',
            '…' => '~',
            c if c.is_ascii() => c,
            _ => '?',
        };
        text.chars().map(twin).collect()
    }
}
