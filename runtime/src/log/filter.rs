//! The filter: `level` or `target=level`, comma-separated; the longest matching target decides.
use coulter_proto::level::Level;
use tracing::Metadata;

/// Which records are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Of everything no target matches; `None` shows nothing.
    default: Option<Level>,
    /// Longest target first.
    targets: Vec<(String, Option<Level>)>,
}

impl Filter {
    /// Reads a filter; parts that cannot be read are left out and told about.
    pub(crate) fn parse(text: &str) -> (Self, Vec<String>) {
        let mut filter = Self { default: None, targets: Vec::new() };
        let (mut complaints, mut said_default) = (Vec::new(), false);
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (target, level) = match part.split_once('=') {
                Some((target, level)) => (Some(target.trim()), level.trim()),
                None if part.contains("::") => (Some(part), "transport"),
                None => (None, part),
            };
            let level = match level.to_ascii_lowercase().as_str() {
                "off" | "none" => None,
                word => match word.parse::<Level>() {
                    Ok(level) => Some(level),
                    Err(error) => {
                        complaints.push(format!("{error} (in `{part}`)"));
                        continue;
                    }
                },
            };
            match target {
                None => (filter.default, said_default) = (level, true),
                Some(target) => {
                    filter.targets.retain(|(known, _)| known != target);
                    filter.targets.push((target.to_owned(), level));
                }
            }
        }
        // Nothing readable at all must not mean silence.
        if !said_default && filter.targets.is_empty() {
            filter.default = Some(Level::Warn);
        }
        filter.targets.sort_by_key(|(target, _)| std::cmp::Reverse(target.len()));
        (filter, complaints)
    }

    /// Whether a record is shown. Notices always are.
    pub(crate) fn shows(&self, target: &str, level: Level) -> bool {
        if level == Level::Notice {
            return true;
        }
        let limit = self.targets.iter().find(|(prefix, _)| is_under(target, prefix)).map_or(self.default, |(_, limit)| *limit);
        limit.is_some_and(|limit| level >= limit)
    }

    /// The quietest level any target is shown at.
    pub(crate) fn quietest(&self) -> Option<Level> {
        self.targets.iter().filter_map(|(_, level)| *level).chain(self.default).min()
    }
}

/// Whether `target` is `prefix` or a path below it.
fn is_under(target: &str, prefix: &str) -> bool {
    target.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The level a record has here: our targets stand for the levels `tracing` lacks, but a warning or
/// an error stays one.
pub(crate) fn level_of(metadata: &Metadata<'_>) -> Level {
    let target = metadata.target();
    let ours = target.strip_prefix("coulter::").map(|rest| rest.split("::").next().unwrap_or(rest));
    match (*metadata.level(), ours) {
        (_, Some("notice")) => Level::Notice,
        (tracing::Level::ERROR, Some("critical")) => Level::Critical,
        (tracing::Level::ERROR, _) => Level::Error,
        (tracing::Level::WARN, _) => Level::Warn,
        (_, Some("transport")) => Level::Transport,
        (_, Some("runtime")) => Level::Runtime,
        (_, Some("devx")) => Level::Devx,
        (_, Some("io")) => Level::Io,
        (_, Some("cancel")) => Level::Cancel,
        (tracing::Level::INFO, _) => Level::Info,
        (tracing::Level::DEBUG, _) => Level::Debug,
        (tracing::Level::TRACE, _) => Level::Transport,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Filter {
        let (filter, complaints) = Filter::parse(text);
        assert_eq!(complaints, Vec::<String>::new());
        filter
    }

    #[test]
    fn rule_10_1_level_cancel_shows_22_and_up() {
        let filter = parsed("cancel");
        assert!(!filter.shows("app", Level::Io));
        assert!(filter.shows("app", Level::Cancel));
        assert!(filter.shows("app", Level::Warn));
    }

    #[test]
    fn rule_10_1_the_longest_target_decides() {
        let filter = parsed("warn,app=info,app::noisy=off,app::noisy::deep=debug");
        assert!(filter.shows("app::main", Level::Info));
        assert!(!filter.shows("app::noisy", Level::Error));
        assert!(filter.shows("app::noisy::deep::er", Level::Debug));
        assert!(!filter.shows("application", Level::Info), "a prefix is a path, not a piece of a word");
        assert!(!filter.shows("other", Level::Info));
    }

    #[test]
    fn rule_10_1_notices_are_always_shown() {
        assert!(parsed("off").shows("coulter::notice", Level::Notice));
        assert!(!parsed("off").shows("app", Level::Critical));
    }

    #[test]
    fn rule_10_1_tractors_numbers_are_levels_too() {
        assert!(parsed("15").shows("coulter::runtime", Level::Runtime));
        assert!(!parsed("15").shows("app", Level::Debug));
    }

    #[test]
    fn an_unreadable_part_is_told_and_the_rest_holds() {
        let (filter, complaints) = Filter::parse("app=loud,io");
        assert_eq!(complaints.len(), 1);
        assert!(complaints[0].contains("`loud` is no log level"), "{complaints:?}");
        assert!(filter.shows("app", Level::Io));
        let (filter, _) = Filter::parse("gibberish");
        assert!(filter.shows("app", Level::Warn));
        assert!(!filter.shows("app", Level::Info));
    }

    #[test]
    fn the_quietest_level_is_found_among_targets() {
        assert_eq!(parsed("warn,a=transport").quietest(), Some(Level::Transport));
        assert_eq!(parsed("off").quietest(), None);
    }
}
