//! View 7: what the program printed.
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::Pen;
use super::styles::Meaning;
use super::table;
use crate::model::State;
use crate::model::rows;

pub(super) fn draw(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect) {
    let output = &state.output;
    if output.lines().is_empty() {
        let text = if state.program.is_some() { "it has printed nothing yet" } else { "only a program started by `coulter run` has its output here" };
        pen.line(buf, area, 0, &[(Meaning::Quiet, text.into())]);
        return;
    }
    // Without a filter every line is shown, and none has to be looked at to know which.
    let kept = (!output.filter.is_empty()).then(|| rows::output_lines(state));
    let count = kept.as_ref().map_or(output.lines().len(), Vec::len);
    table::tail(pen, buf, area, count, output.back, |index| {
        let at = kept.as_ref().map_or(index, |kept| kept[index]);
        vec![(Meaning::Plain, output.lines()[at].clone())]
    });
}
