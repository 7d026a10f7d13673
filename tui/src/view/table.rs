//! Rows in columns. Only the rows that can be seen are built.
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::{Pen, Piece, cut, width};
use super::styles::Meaning;

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub head: &'static str,
    /// No narrower than this; 0 takes what is left.
    pub least: usize,
    /// No wider than this.
    pub most: usize,
    /// Numbers stand at the right.
    pub right: bool,
    /// Narrower panes leave the column out.
    pub from_width: u16,
}

/// A column of text.
#[must_use]
pub const fn column(head: &'static str, least: usize, most: usize) -> Column {
    Column { head, least, most, right: false, from_width: 0 }
}

impl Column {
    /// Left out of panes narrower than this.
    #[must_use]
    pub const fn from(mut self, from_width: u16) -> Self {
        self.from_width = from_width;
        self
    }
    /// Stands at the right.
    #[must_use]
    pub const fn right(mut self) -> Self {
        self.right = true;
        self
    }
}

/// The first row shown, so that the selected one is in the middle where that is possible.
#[must_use]
pub fn top(rows: usize, height: usize, selected: usize) -> usize {
    selected.saturating_sub(height / 2).min(rows.saturating_sub(height))
}

/// Draws a table; `row` is asked only for rows that can be seen, and answers one piece list per column.
pub fn draw(
    pen: &Pen,
    buf: &mut Buffer,
    area: Rect,
    columns: &[Column],
    rows: usize,
    selected: Option<(usize, bool)>,
    mut row: impl FnMut(usize) -> Vec<Vec<Piece>>,
) {
    if area.height == 0 || area.width == 0 {
        return;
    }
    let height = usize::from(area.height - 1);
    let first = top(rows, height, selected.map_or(0, |(index, _)| index));
    let shown: Vec<Vec<Vec<Piece>>> = (first..rows.min(first + height)).map(&mut row).collect();
    let kept: Vec<usize> = (0..columns.len()).filter(|at| columns[*at].from_width <= area.width).collect();
    let mut widths: Vec<usize> = kept
        .iter()
        .map(|at| {
            let column = &columns[*at];
            let widest = shown.iter().filter_map(|cells| cells.get(*at)).map(|cell| cell_width(pen, cell)).max().unwrap_or(0);
            if column.least == 0 { 0 } else { widest.max(width(column.head)).clamp(column.least, column.most) }
        })
        .collect();
    let taken: usize = widths.iter().sum::<usize>() + kept.len().saturating_sub(1);
    let left = usize::from(area.width).saturating_sub(taken);
    let open = kept.iter().filter(|at| columns[**at].least == 0).count().max(1);
    for (at, wide) in kept.iter().zip(&mut widths) {
        if columns[*at].least == 0 {
            *wide = left / open;
        }
    }
    let heads: Vec<Vec<Piece>> = columns.iter().map(|column| vec![(Meaning::Quiet, column.head.to_owned())]).collect();
    draw_row(pen, buf, area, 0, columns, &kept, &widths, &heads);
    for (index, cells) in shown.iter().enumerate() {
        draw_row(pen, buf, area, index + 1, columns, &kept, &widths, cells);
        if let Some((at, focused)) = selected.filter(|(at, _)| *at == first + index) {
            pen.select(buf, area, at - first + 1, focused);
        }
    }
}

fn cell_width(pen: &Pen, cell: &[Piece]) -> usize {
    cell.iter().map(|(_, text)| width(&pen.fit(text))).sum()
}

#[allow(clippy::too_many_arguments, reason = "one row of one table: all of it is the table's own")]
fn draw_row(pen: &Pen, buf: &mut Buffer, area: Rect, line: usize, columns: &[Column], kept: &[usize], widths: &[usize], cells: &[Vec<Piece>]) {
    let Some(row) = u16::try_from(line).ok().filter(|row| *row < area.height) else { return };
    let mut x = area.x;
    for (at, wide) in kept.iter().zip(widths) {
        let room = u16::try_from(*wide).unwrap_or(u16::MAX).min(area.right().saturating_sub(x));
        let Some(cell) = cells.get(*at) else { continue };
        let used = cell_width(pen, cell);
        let shift = if columns[*at].right { u16::try_from(wide.saturating_sub(used)).unwrap_or(0).min(room) } else { 0 };
        pen.pieces(buf, x + shift, area.y + row, room - shift, cell);
        x = x.saturating_add(room).saturating_add(1);
        if x >= area.right() {
            break;
        }
    }
}

/// Lines with an end that is followed, unless `back` lines above it are looked at. Lines that are
/// too long go on in the next row; how many rows were used.
pub fn tail(pen: &Pen, buf: &mut Buffer, area: Rect, lines: usize, back: usize, mut line: impl FnMut(usize) -> Vec<Piece>) -> usize {
    let height = usize::from(area.height);
    let end = lines.saturating_sub(back).max(height.min(lines));
    let mut rows: Vec<Vec<Piece>> = Vec::new();
    let mut index = end;
    while index > 0 && rows.len() < height {
        index -= 1;
        let mut broken = broken(pen, &line(index), usize::from(area.width));
        broken.reverse();
        rows.extend(broken);
    }
    rows.truncate(height);
    rows.reverse();
    for (row, pieces) in rows.iter().enumerate() {
        pen.line(buf, area, row, pieces);
    }
    if end < lines && area.height > 0 {
        let text = format!(" {} more below ", lines - end);
        let wide = u16::try_from(width(&text)).unwrap_or(0).min(area.width);
        let corner = Rect { x: area.right() - wide, y: area.bottom() - 1, width: wide, height: 1 };
        pen.line(buf, corner, 0, &[(Meaning::Selected, cut(&text, usize::from(wide), pen.glyphs.ascii))]);
    }
    rows.len()
}

/// The rows one line takes.
fn broken(pen: &Pen, line: &[Piece], wide: usize) -> Vec<Vec<Piece>> {
    let (mut rows, mut row, mut used) = (Vec::new(), Vec::new(), 0);
    for (meaning, text) in line {
        let mut part = String::new();
        for c in pen.fit(text).chars() {
            let step = width(c.encode_utf8(&mut [0; 4]));
            if used + step > wide.max(2) {
                row.push((*meaning, std::mem::take(&mut part)));
                rows.push(std::mem::take(&mut row));
                used = 0;
            }
            used += step;
            part.push(c);
        }
        row.push((*meaning, part));
    }
    rows.push(row);
    rows
}
