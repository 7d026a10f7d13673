//! Every colour on the screen comes from here: meanings in, styles out, in four tiers.
//!
//! Meaning is never in colour alone: what is bad is also said, what is selected is also reversed.
use coulter_proto::level::Level;
use coulter_proto::repl::Role;
use ratatui::style::{Color, Modifier, Style};

/// What a piece of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    Plain,
    Strong,
    Quiet,
    Name,
    Value,
    Good,
    Warning,
    Bad,
    Keyword,
    /// A key one can press.
    Key,
    /// The frame of the pane with the keys.
    Focus,
    /// The row the cursor is on.
    Selected,
    /// The same, in a pane without the keys.
    Dimly,
}

impl From<Role> for Meaning {
    fn from(role: Role) -> Self {
        match role {
            Role::Plain => Self::Plain,
            Role::Strong => Self::Strong,
            Role::Quiet | Role::Comment => Self::Quiet,
            Role::Name => Self::Name,
            Role::Value | Role::Literal => Self::Value,
            Role::Error => Self::Bad,
            Role::Warning => Self::Warning,
            Role::Keyword => Self::Keyword,
        }
    }
}

impl From<Level> for Meaning {
    fn from(level: Level) -> Self {
        match level {
            Level::Error | Level::Critical => Self::Bad,
            Level::Warn | Level::Cancel => Self::Warning,
            Level::Notice => Self::Strong,
            Level::Info | Level::Io => Self::Plain,
            _ => Self::Quiet,
        }
    }
}

/// How many colours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    None,
    Sixteen,
    TwoFiftySix,
    Rgb,
}

impl Tier {
    /// What the environment says of the terminal.
    #[must_use]
    pub fn of_environment(get: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| get(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        if set("NO_COLOR").is_some() || term == "dumb" || term.is_empty() {
            Self::None
        } else if set("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit") {
            Self::Rgb
        } else if term.contains("256color") || term.contains("kitty") || term.contains("direct") {
            Self::TwoFiftySix
        } else {
            Self::Sixteen
        }
    }
}

/// The gateway.
#[derive(Clone, Copy, Debug)]
pub struct Styles {
    tier: Tier,
}

impl Styles {
    #[must_use]
    pub fn new(tier: Tier) -> Self {
        Self { tier }
    }
    /// What a meaning looks like.
    #[must_use]
    pub fn of(self, meaning: Meaning) -> Style {
        let style = Style::new();
        let style = match self.colour(meaning) {
            Some(colour) => style.fg(colour),
            None => style,
        };
        match meaning {
            Meaning::Strong | Meaning::Bad | Meaning::Key | Meaning::Focus => style.add_modifier(Modifier::BOLD),
            Meaning::Selected => style.add_modifier(Modifier::REVERSED),
            Meaning::Dimly => style.add_modifier(Modifier::UNDERLINED),
            _ => style,
        }
    }
    fn colour(self, meaning: Meaning) -> Option<Color> {
        let (named, indexed, rgb) = match meaning {
            Meaning::Plain | Meaning::Strong | Meaning::Selected | Meaning::Dimly => return None,
            Meaning::Quiet => (Color::DarkGray, 245, (138, 138, 148)),
            Meaning::Name | Meaning::Key | Meaning::Focus => (Color::Cyan, 80, (92, 200, 210)),
            Meaning::Value => (Color::Green, 114, (140, 200, 130)),
            Meaning::Good => (Color::Green, 71, (90, 185, 100)),
            Meaning::Warning => (Color::Yellow, 179, (220, 175, 90)),
            Meaning::Bad => (Color::Red, 203, (240, 95, 95)),
            Meaning::Keyword => (Color::Magenta, 176, (205, 140, 215)),
        };
        match self.tier {
            Tier::None => None,
            Tier::Sixteen => Some(named),
            Tier::TwoFiftySix => Some(Color::Indexed(indexed)),
            Tier::Rgb => Some(Color::Rgb(rgb.0, rgb.1, rgb.2)),
        }
    }
}
