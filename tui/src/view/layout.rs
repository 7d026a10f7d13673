//! Where things stand, by the size of the terminal: three panes from 120 columns, two from 80, one
//! with tabs from 60, a bare list below that, and one status line below 40x8.
use ratatui::layout::Rect;

use crate::model::View;

/// The parts of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One line.
    Status,
    /// Header, perhaps tabs, panes (which, where, with a frame), footer.
    Whole { header: Rect, tabs: Option<Rect>, panes: Vec<(usize, Rect, bool)>, footer: Rect },
}

impl Shape {
    /// For a size, a view, and the pane that has the keys.
    #[must_use]
    pub fn of(area: Rect, view: View, pane: usize) -> Self {
        if area.width < 40 || area.height < 8 {
            return Self::Status;
        }
        let line = |y: u16| Rect { y: area.y + y, height: 1, ..area };
        let tabbed = (60..80).contains(&area.width) && view.panes().len() > 1;
        let top = 1 + u16::from(tabbed);
        let body = Rect { y: area.y + top, height: area.height - top - 1, ..area };
        let (all, shares) = (view.panes().len(), shares(view, area.width));
        let panes = if all == 1 || area.width < 80 {
            vec![(pane.min(all - 1), body, area.width >= 60)]
        } else if area.width < 120 {
            let other = pane.max(1).min(all - 1);
            split(body, &[(0, shares[0]), (other, shares[1])])
        } else {
            let each: Vec<(usize, u16)> = (0..all).zip(shares.iter().copied()).collect();
            split(body, &each)
        };
        Self::Whole { header: line(0), tabs: tabbed.then(|| line(1)), panes, footer: line(area.height - 1) }
    }
}

fn shares(view: View, width: u16) -> &'static [u16] {
    match (view, width >= 120) {
        (View::Tree, true) => &[44, 30, 26],
        (View::Contexts, true) => &[50, 25, 25],
        (View::Logs, true) => &[56, 18, 26],
        (View::Stops, true) => &[26, 52, 22],
        (View::Logs, false) => &[68, 32],
        (View::Stops, false) => &[40, 60],
        (_, false) => &[56, 44],
        (View::Output, true) => &[100],
    }
}

fn split(body: Rect, shares: &[(usize, u16)]) -> Vec<(usize, Rect, bool)> {
    let mut x = body.x;
    let last = shares.len() - 1;
    shares
        .iter()
        .enumerate()
        .map(|(index, (pane, share))| {
            let wide = u16::try_from(u32::from(body.width) * u32::from(*share) / 100).unwrap_or(body.width);
            let width = if index == last { body.right() - x } else { wide };
            let area = Rect { x, width, ..body };
            x += width;
            (*pane, area, true)
        })
        .collect()
}
