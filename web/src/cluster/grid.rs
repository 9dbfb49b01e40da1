//! All GPUs at once, by node and by rack: a cell for each, or for several where they are many.

use kitchen_core::sim::story::{Cell, Condition, Limits, Metric, Player, per_cell};
use kitchen_core::words;
use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlSelectElement, KeyboardEvent, MouseEvent, PointerEvent};
use yew::{Callback, Html, html};

use super::controls::Act;
use super::past::Past;
use super::scene::Scene;
use crate::draw::canvas::Brush;
use crate::draw::image::Image;
use crate::draw::palette::{Palette, Rgb};
use crate::draw::shapes::{FONT, Rect, Text, Tone};
use crate::stage::Stage;

/// The most cells that are drawn.
const MOST_CELLS: u32 = 16_384;
/// From this side on, in CSS pixels, a cell has room for a letter.
const ROOM_FOR_A_LETTER: f64 = 12.0;

/// Where each GPU is on the canvas.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Places {
    gpus: u32,
    /// GPUs in a cell.
    each: u32,
    /// Cells that stay together: a node, or eight cells.
    group: u32,
    /// Groups in a row.
    in_row: u32,
    /// The side of a cell, in CSS pixels.
    side: f64,
}

impl Places {
    /// The largest cells with which all GPUs fit. Where nodes have a rack in common, a row holds
    /// whole racks, if it can.
    fn of(gpus: u32, per_node: u32, per_rack: u32, width: f64, height: f64) -> Self {
        let each = per_cell(gpus, per_node, MOST_CELLS);
        let group = if each < per_node { per_node / each } else { 8 };
        let cells = gpus.div_ceil(each);
        let groups = cells.div_ceil(group);
        let place = |in_row: u32| {
            let across = f64::from(in_row * (group + 1) - 1);
            let down = f64::from(groups.div_ceil(in_row));
            Self {
                gpus,
                each,
                group,
                in_row,
                side: (width / across).min(height / down),
            }
        };
        let whole_racks = (1..=groups.min(4096)).filter(|row| {
            row.is_multiple_of(per_rack) || per_rack.is_multiple_of(*row) || *row == groups
        });
        let largest = whole_racks
            .map(place)
            .max_by(|a, b| a.side.total_cmp(&b.side));
        largest.unwrap_or_else(|| place(1))
    }

    fn cells(&self) -> u32 {
        self.gpus.div_ceil(self.each.max(1))
    }

    /// Column and row of a cell, gaps counted.
    fn place(&self, cell: u32) -> (u32, u32) {
        let (group, inside) = (cell / self.group, cell % self.group);
        let (row, across) = (group / self.in_row, group % self.in_row);
        (across * (self.group + 1) + inside, row)
    }

    fn rect(&self, cell: u32) -> Rect {
        let (column, row) = self.place(cell);
        Rect {
            left: f64::from(column) * self.side,
            top: f64::from(row) * self.side,
            width: self.side,
            height: self.side,
        }
    }

    fn columns(&self) -> u32 {
        self.in_row * (self.group + 1) - 1
    }

    fn rows(&self) -> u32 {
        self.cells().div_ceil(self.group).div_ceil(self.in_row)
    }

    /// The first GPU of the cell at a place; none in a gap.
    pub(super) fn gpu_at(&self, x: f64, y: f64) -> Option<u32> {
        if self.gpus == 0 || x < 0.0 || y < 0.0 || self.side <= 0.0 {
            return None;
        }
        let (column, row) = ((x / self.side) as u32, (y / self.side) as u32);
        let (across, inside) = (column / (self.group + 1), column % (self.group + 1));
        if inside == self.group || across >= self.in_row {
            return None;
        }
        let cell = (row * self.in_row + across) * self.group + inside;
        let gpu = cell * self.each;
        (gpu < self.gpus).then_some(gpu)
    }

    /// The GPU so many cells away; the first, from none.
    pub(super) fn neighbour(&self, gpu: Option<u32>, right: i32, down: i32) -> Option<u32> {
        if self.gpus == 0 {
            return None;
        }
        let Some(gpu) = gpu else { return Some(0) };
        let across = (self.in_row * self.group) as i32;
        let cell = (gpu / self.each) as i32 + right + down * across;
        let last = self.cells() as i32 - 1;
        Some(cell.clamp(0, last) as u32 * self.each)
    }
}

/// The colour of a level: the more, the further from the page's.
fn colour(palette: &Palette, level: f64) -> Rgb {
    palette.grid.mix(palette.of_series(0), level)
}

/// Draws all GPUs, and says where they are, and how they are in words.
pub(super) fn draw(
    stage: &Stage<'_>,
    player: &Player,
    metric: Metric,
    chosen: Option<u32>,
) -> (Places, String) {
    let setting = player.story().setting();
    let cluster = &setting.job.cluster;
    let places = Places::of(
        cluster.devices,
        cluster.devices_per_node,
        setting.spec.cluster.nodes_per_rack,
        stage.width,
        stage.height,
    );
    let cells = player.story().cells(player.now, places.each);
    let limits = Limits::of(player.story().setting());
    let brush = Brush::begin(
        &stage.context,
        stage.palette,
        stage.ratio,
        (stage.width, stage.height),
    );
    let (columns, rows) = (places.columns() as usize, places.rows() as usize);
    let mut colours = vec![stage.palette.surface; columns * rows];
    for (cell, number) in cells.iter().zip(0..) {
        let (column, row) = places.place(number);
        let level = metric.level(cell, &limits);
        if let Some(place) = colours.get_mut(row as usize * columns + column as usize) {
            *place = colour(stage.palette, level);
        }
    }
    let image = Image::from_fn(columns, rows, |column, row| {
        let found = colours.get(row * columns + column);
        found.copied().unwrap_or(stage.palette.surface)
    });
    let all = Rect {
        left: 0.0,
        top: 0.0,
        width: f64::from(places.columns()) * places.side,
        height: f64::from(places.rows()) * places.side,
    };
    brush.image(&image, all, false);
    // Lines between cells, where there is room for them.
    if places.side >= 5.0 {
        brush.pen(stage.palette.surface, 1.0, 1.0, &[]);
        for number in 0..places.cells() {
            brush.frame(places.rect(number));
        }
    }
    draw_marks(&brush, stage, &places, &cells);
    if let Some(gpu) = chosen {
        brush.pen(stage.palette.ink, 1.0, 2.0, &[]);
        brush.frame(places.rect(gpu / places.each));
    }
    (places, describe(player, metric, &cells))
}

/// Letters on those that are not well, in the colour of warnings.
fn draw_marks(brush: &Brush<'_>, stage: &Stage<'_>, places: &Places, cells: &[Cell]) {
    let mut letters = Vec::new();
    for (cell, number) in cells.iter().zip(0..) {
        let Some((letter, _)) = cell.gpu.condition.mark() else {
            continue;
        };
        let rect = places.rect(number);
        brush.fill(stage.palette.warn, 1.0);
        brush.rect(rect);
        if rect.width >= ROOM_FOR_A_LETTER {
            letters.push(Text {
                left: rect.left + rect.width / 2.0 - 3.5,
                baseline: rect.top + rect.height / 2.0 + 4.0,
                width: 7.0,
                content: letter.to_owned(),
                tone: Tone::On(stage.palette.surface),
            });
        }
    }
    stage.context.set_font(FONT);
    brush.texts(&letters);
}

/// The grid in words.
fn describe(player: &Player, metric: Metric, cells: &[Cell]) -> String {
    let gpus = player.story().setting().job.cluster.devices;
    let limits = Limits::of(player.story().setting());
    let levels = cells.iter().map(|cell| metric.level(cell, &limits));
    let mean = levels.sum::<f64>() / cells.len().max(1) as f64;
    let mut text = format!(
        "{} GPUs: {} at {} of its range on average",
        words::count(u64::from(gpus)),
        metric.name(),
        words::percent(mean)
    );
    let ill: u32 = cells
        .iter()
        .filter(|cell| cell.gpu.condition != Condition::Well)
        .map(|cell| cell.count)
        .sum();
    if ill > 0 {
        text.push_str(&format!("; {} not well", words::count(u64::from(ill))));
    }
    text
}

/// The GPU that is looked at, and how it was.
pub(super) fn tell(player: &Player, looked_at: Option<(u32, &Past)>) -> String {
    let Some((number, past)) = looked_at else {
        return "Point at a GPU to see how it is; click to break it. With the keyboard: arrows, \
                and Enter."
            .into();
    };
    let story = player.story();
    let gpu = story.gpu(player.now, number);
    let setting = story.setting();
    let (node, place) = (
        number / setting.job.cluster.devices_per_node,
        number % setting.job.cluster.devices_per_node,
    );
    let rack = node / setting.spec.cluster.nodes_per_rack;
    let well = gpu.condition.mark().map_or("well", |(_, name)| name);
    let (low, high) = past.celsius();
    format!(
        "GPU {place} of node {node}, rack {rack}: {well}. {} busy, {:.1} GiB, {:.0} °C, {:.0} W; \
         between {low:.0} and {high:.0} °C in the last {}.",
        words::percent(gpu.used),
        gpu.gib,
        gpu.celsius,
        gpu.watts,
        past.length()
    )
}

/// The place of the grid.
pub(super) fn view(scene: &Scene, act: &Callback<Act>) -> Html {
    let onchange = act.reform(|event: Event| {
        let select: Option<HtmlSelectElement> = event.target().and_then(|it| it.dyn_into().ok());
        let place = select.and_then(|it| usize::try_from(it.selected_index()).ok());
        let metric = place.and_then(|place| Metric::ALL.get(place));
        Act::Show(metric.copied().unwrap_or(Metric::Utilisation))
    });
    let at = |x: i32, y: i32| (f64::from(x), f64::from(y));
    let onpointermove = act.reform(move |event: PointerEvent| {
        Act::PointAt(Some(at(event.offset_x(), event.offset_y())))
    });
    let onpointerleave = act.reform(|_: PointerEvent| Act::PointAt(None));
    let onclick =
        act.reform(move |event: MouseEvent| Act::BreakAt(at(event.offset_x(), event.offset_y())));
    let onkeydown = {
        let act = act.clone();
        Callback::from(move |event: KeyboardEvent| {
            let what = match event.key().as_str() {
                "ArrowRight" => Act::Step(1, 0),
                "ArrowLeft" => Act::Step(-1, 0),
                "ArrowDown" => Act::Step(0, 1),
                "ArrowUp" => Act::Step(0, -1),
                "Enter" => Act::Break,
                _ => return,
            };
            event.prevent_default();
            act.emit(what);
        })
    };
    html! {
        <section class="card" aria-labelledby="gpus-title">
            <h2 id="gpus-title">{ "All GPUs" }</h2>
            <div class="line">
                <label>{ "Colour is " }
                    <select id="metric" {onchange}>
                        { for Metric::ALL.iter().map(|it| html! {
                            <option selected={*it == scene.metric}>{ it.name() }</option>
                        }) }
                    </select>
                </label>
            </div>
            <canvas id="gpus" class="gpus" role="img" tabindex="0"
                {onpointermove} {onpointerleave} {onclick} {onkeydown}></canvas>
            <p id="gpu" class="quiet"></p>
            <canvas id="gpu-past" class="past" role="img"></canvas>
            <p class="quiet">{ "The fuller the colour, the more. Letters: X failed, s slow, e memory errors, h too hot, ? cut off." }</p>
        </section>
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_gpu_has_a_place_and_is_found_there() {
        for (gpus, per_node, per_rack) in [
            (1, 1, 4),
            (8, 8, 4),
            (64, 8, 4),
            (72, 72, 1),
            (1000, 8, 4),
            (16_384, 8, 4),
        ] {
            for (width, height) in [(320.0, 200.0), (900.0, 320.0)] {
                let places = Places::of(gpus, per_node, per_rack, width, height);
                assert!(f64::from(places.columns()) * places.side <= width + 1e-9);
                assert!(f64::from(places.rows()) * places.side <= height + 1e-9);
                for gpu in (0..gpus).step_by(37) {
                    let rect = places.rect(gpu / places.each);
                    let (x, y) = (rect.left + rect.width / 2.0, rect.top + rect.height / 2.0);
                    let found = places.gpu_at(x, y).unwrap();
                    assert_eq!(found / places.each, gpu / places.each, "{gpus} {gpu}");
                }
            }
        }
    }

    #[test]
    fn gaps_and_what_lies_outside_are_no_gpu() {
        let places = Places::of(64, 8, 4, 900.0, 320.0);
        let gap = f64::from(places.group) * places.side + places.side / 2.0;
        for (x, y) in [(gap, 1.0), (-1.0, 1.0), (1.0, 1e6), (f64::NAN, 1.0)] {
            let found = places.gpu_at(x, y);
            assert!(found.is_none() || x.is_nan(), "{x} {y}: {found:?}");
        }
    }

    #[test]
    fn arrows_go_to_neighbours_and_stay_inside() {
        let places = Places::of(64, 8, 4, 900.0, 320.0);
        assert_eq!(places.neighbour(None, 1, 0), Some(0));
        assert_eq!(places.neighbour(Some(0), 1, 0), Some(1));
        assert_eq!(places.neighbour(Some(0), -1, 0), Some(0));
        assert_eq!(places.neighbour(Some(63), 0, 1), Some(63));
        assert_eq!(Places::default().neighbour(None, 1, 0), None);
    }
}
