//! Figures 2, S2 and S3: every method on every network for the same slice, with the known damage.

use super::error::Result;
use super::fig_examples::{heading, inside, picture_height, white_level};
use super::figure::{Data, Figure, cell};
use super::heat::colour_bar;
use super::input::ExampleSlice;
use super::lines::{Key, legend};
use super::names;
use super::overlay_cells::{Cell, sentences};
use super::raster;
use super::study::Study;
use super::svg::{Anchor, Canvas, Panel, fitted, text_width};

/// Room for one row of pictures, with its gaps, at desktop width.
const ROOM: f64 = 1110.0;
const GAP: f64 = 16.0;
/// Grids drawn at most; further slices are left out.
const MOST: usize = 3;
/// Raw bytes of all overlays together, before PNG compression.
const BUDGET: f64 = 6e6;

/// Draws one grid for each slice that carries maps, at most three.
///
/// # Errors
///
/// [`super::Error::Picture`] if a picture cannot be encoded.
pub(super) fn draw(study: &Study<'_>, slices: &[ExampleSlice]) -> Result<Vec<Figure>> {
    let order = study.treatments(slices.iter().map(|s| s.treatment.as_str()));
    let mut chosen: Vec<&ExampleSlice> = slices.iter().filter(|s| !s.maps.is_empty()).collect();
    chosen.sort_by_key(|s| {
        let place = order.iter().position(|t| *t == s.treatment);
        (!study.is_positive(&s.class), place)
    });
    chosen.truncate(MOST);

    let pictures: usize = chosen.iter().map(|s| s.maps.len() + 3).sum();
    let side = (BUDGET / (3.0 * pictures.max(1) as f64)).sqrt();
    let mut figures = Vec::new();
    for (i, slice) in chosen.iter().enumerate() {
        let (rows, columns) = slice.image.dim();
        let factor = (rows.max(columns) as f64 / side).ceil() as usize;
        let (stem, number) = if i == 0 {
            ("figure-2".to_owned(), "Figure 2".to_owned())
        } else {
            (format!("figure-s{}", i + 1), format!("Figure S{}", i + 1))
        };
        let first = figures.first().map(|f: &Figure| f.number.clone());
        figures.push(grid(study, slice, factor, stem, number, first.as_deref())?);
    }
    Ok(figures)
}

fn grid(
    study: &Study<'_>,
    slice: &ExampleSlice,
    factor: usize,
    stem: String,
    number: String,
    first: Option<&str>,
) -> Result<Figure> {
    let window = white_level(std::iter::once(slice));
    let networks = study.networks(slice.maps.iter().map(|m| m.model.as_str()));
    let methods = study.methods(slice.maps.iter().map(|m| m.method.as_str()));
    let cells: Vec<Cell> = slice
        .maps
        .iter()
        .map(|m| Cell::measure(study, slice, m))
        .collect();
    let columns = networks.len().max(1) as f64;
    let side = ((ROOM - GAP * (columns - 1.0)) / columns).clamp(130.0, 200.0);
    let painter = Painter {
        study,
        slice,
        factor,
        window,
        side,
        height: picture_height(slice, side),
        outline: slice
            .truth
            .as_ref()
            .map(|t| outline(study, slice, t, side))
            .unwrap_or_default(),
    };
    let mut data = Data::new(&[
        "scan",
        "slice",
        "network",
        "method",
        "threshold",
        "marked_share",
        "iou_truth",
        "iou_supervised",
    ]);
    for c in &cells {
        data.row([
            slice.scan.clone(),
            slice.slice_index.to_string(),
            c.model.clone(),
            c.method.clone(),
            study.facts.threshold.to_string(),
            c.share.to_string(),
            cell(c.iou),
            cell(c.supervised),
        ]);
    }
    let mut panels = Vec::new();
    for network in &networks {
        panels.push(painter.network(network, &methods, &cells)?);
    }
    let mut reference = painter.reference()?;
    let rows = if networks.len() <= 2 {
        let bar = reference.pop();
        vec![reference.into_iter().chain(panels).chain(bar).collect()]
    } else {
        vec![reference, panels]
    };
    let mut keys = vec![(
        Key::Outline("f-mask"),
        format!("map at least {}", study.threshold()),
    )];
    if slice.truth.is_some() {
        keys.insert(
            0,
            (
                Key::Outline("f-truth"),
                format!("known damage at least {}", study.threshold()),
            ),
        );
    }
    let mut full = format!(
        "Maps for the class “{}”, one column per network and one row per method, shown inside the tissue. Dashed: the region marked at threshold {}; its share of the tissue stands under each picture",
        study.facts.positive_class,
        study.threshold()
    );
    full.push_str(if slice.truth.is_some() {
        ", with its IoU against the known damage (white outline)."
    } else {
        "."
    });
    full.push_str(if slice.supervised.is_some() {
        " Above: the slice, the map of the supervised patch network and the known damage."
    } else {
        " This run has no supervised patch network, so its map is left out."
    });
    let reading = match first {
        None => full,
        Some(first) => format!("Read as {first}, for another slice."),
    };
    Ok(Figure {
        stem,
        number,
        title: format!(
            "Maps by network and method: {}, {}, slice {}",
            heading(slice),
            slice.scan,
            slice.slice_index
        ),
        rows,
        legend: legend(&keys),
        reading,
        seen: sentences(study, slice, &networks, &methods, &cells),
        data,
    })
}

fn outline(
    study: &Study<'_>,
    slice: &ExampleSlice,
    map: &ndarray::Array2<f32>,
    side: f64,
) -> String {
    let scale = side / slice.image.dim().1.max(1) as f64;
    raster::outline(
        inside(slice, map).view(),
        study.facts.threshold as f32,
        scale,
    )
}

/// Draws the pictures of one slice.
struct Painter<'a> {
    study: &'a Study<'a>,
    slice: &'a ExampleSlice,
    factor: usize,
    window: f32,
    /// Width of a picture.
    side: f64,
    height: f64,
    /// Outline of the known damage.
    outline: String,
}

impl Painter<'_> {
    fn picture(
        &self,
        canvas: &mut Canvas,
        y: f64,
        map: Option<&ndarray::Array2<f32>>,
        what: &str,
    ) -> Result<()> {
        let image = raster::shrunk(self.slice.image.view(), self.factor);
        let uri = match map {
            None => raster::grey(image.view(), self.window, what)?,
            Some(map) => {
                let tissue = self.slice.foreground.mapv(|b| if b { 1.0 } else { 0.0 });
                let tissue = raster::shrunk(tissue.view(), self.factor).mapv(|v| v >= 0.5);
                let map = raster::shrunk(map.view(), self.factor);
                raster::overlay(image.view(), tissue.view(), map.view(), self.window, what)?
            }
        };
        canvas.image((0.0, y), (self.side, self.height), &uri, what);
        Ok(())
    }

    fn truth_outline(&self, canvas: &mut Canvas, y: f64) {
        canvas.path_at((0.0, y), &self.outline, "f-truth-under");
        canvas.path_at((0.0, y), &self.outline, "f-truth");
    }

    /// The slice itself, the known damage, and last the colour bar of all maps.
    fn reference(&self) -> Result<Vec<Panel>> {
        let what = format!("{}, slice {}", self.slice.scan, self.slice.slice_index);
        let mut panels = Vec::new();
        let pictures = [
            ("Slice", None),
            ("Supervised map", self.slice.supervised.as_ref()),
            ("Known damage", self.slice.truth.as_ref()),
        ];
        for (title, map) in pictures {
            if title != "Slice" && map.is_none() {
                continue;
            }
            let mut canvas = Canvas::default();
            canvas.text((0.0, 15.0), Anchor::Start, "f-title", title);
            let label = format!("{title}: {what}");
            let under = match (title, map) {
                (_, None) => heading(self.slice),
                ("Known damage", _) => "0 intact, 1 complete".to_owned(),
                _ => "damaged or not".to_owned(),
            };
            let under = fitted(&under, 11.0, self.side);
            canvas.text((0.0, 33.0), Anchor::Start, "f-small", &under);
            self.picture(&mut canvas, 40.0, map, &label)?;
            if map.is_some() {
                self.truth_outline(&mut canvas, 40.0);
            }
            panels.push(Panel::new(self.side, self.height + 44.0, canvas, label));
        }
        let mut canvas = Canvas::default();
        let ticks = [(0.0, "0"), (0.5, "0.5"), (1.0, "1")].map(|(p, l)| (p, l.to_owned()));
        let title = "Map value, damage (no unit)";
        let width = self.side.max(text_width(title, 12.0) + 4.0);
        colour_bar(
            &mut canvas,
            (0.0, 40.0),
            width,
            &|part| raster::bar_colour(part).hex(),
            &ticks,
            title,
        );
        let label = "Colours from 0 to 1".to_owned();
        panels.push(Panel::new(width, 84.0, canvas, label));
        Ok(panels)
    }

    /// All methods on one network.
    fn network(&self, network: &str, methods: &[String], cells: &[Cell]) -> Result<Panel> {
        let shown = names::network(network);
        let mut canvas = Canvas::default();
        // Bold letters are about an eighth wider than the estimate.
        let styles = [("f-title", 14.0 * 1.13), ("f-group", 12.5 * 1.13)];
        let fits = |style: &&(&str, f64)| text_width(&shown, style.1) <= self.side;
        let (class, size) = *styles.iter().find(fits).unwrap_or(&("f-text", 12.0));
        let title = fitted(&shown, size, self.side);
        canvas.text((0.0, 15.0), Anchor::Start, class, &title);
        let mut y = 40.0;
        let mut parts = Vec::new();
        for method in methods {
            let name = names::method(method);
            let short = fitted(&name, 12.0, self.side);
            canvas.text((0.0, y - 6.0), Anchor::Start, "f-text", &short);
            let map = self
                .slice
                .maps
                .iter()
                .find(|m| m.model == network && m.method == *method);
            let cell = cells
                .iter()
                .find(|c| c.model == network && c.method == *method);
            if let (Some(map), Some(cell)) = (map, cell) {
                let what = format!("{name} on {shown}");
                self.picture(&mut canvas, y, Some(&map.map), &what)?;
                self.truth_outline(&mut canvas, y);
                let d = outline(self.study, self.slice, &map.map, self.side);
                canvas.path_at((0.0, y), &d, "f-mask");
                let mut text = names::percent(cell.share);
                if let Some(iou) = cell.iou {
                    text.push_str(&format!(" · IoU {}", names::fixed(iou, 2)));
                }
                canvas.text(
                    (0.0, y + self.height + 14.0),
                    Anchor::Start,
                    "f-small f-num",
                    &text,
                );
                parts.push(format!("{name}: {text}"));
            } else {
                canvas.rect((0.0, y), (self.side, self.height), "f-empty");
                let middle = (self.side / 2.0, y + self.height / 2.0);
                canvas.text(middle, Anchor::Middle, "f-small", "not computed");
            }
            y += self.height + 44.0;
        }
        let label = format!("{shown}. {}", parts.join("; "));
        Ok(Panel::new(self.side, y - 22.0, canvas, label))
    }
}
