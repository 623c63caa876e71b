//! Figure 2: every method on every network for the same slice, with the known damage.

use super::error::Result;
use super::fig_examples::{heading, inside, picture_height, white_level};
use super::figure::Figure;
use super::heat::colour_bar;
use super::input::{ExampleMap, ExampleSlice};
use super::lines::{Key, legend};
use super::names;
use super::raster;
use super::study::{Study, extremes, mean};
use super::svg::{Anchor, Canvas, Panel, fitted};

const SIDE: f64 = 156.0;
/// Grids drawn at most; further slices are left out.
const MOST: usize = 4;
/// Raw bytes of all overlays together, before PNG compression.
const BUDGET: f64 = 9e6;

/// One cell of the grid, measured.
#[derive(Debug, Clone)]
struct Cell {
    model: String,
    method: String,
    /// Share of the tissue at or above the threshold.
    share: f64,
    /// Overlap with the known damage; none without truth or where both are empty.
    iou: Option<f64>,
}

/// Draws one grid for each slice that carries maps, at most four.
///
/// # Errors
///
/// [`super::Error::Picture`] if a picture cannot be encoded.
pub(super) fn draw(study: &Study<'_>, slices: &[ExampleSlice]) -> Result<Vec<Figure>> {
    let chosen: Vec<&ExampleSlice> = slices
        .iter()
        .filter(|s| !s.maps.is_empty())
        .take(MOST)
        .collect();
    let pictures: usize = chosen.iter().map(|s| s.maps.len() + 2).sum();
    let side = (BUDGET / (3.0 * pictures.max(1) as f64)).sqrt();
    let mut figures = Vec::new();
    for (i, slice) in chosen.iter().enumerate() {
        let (rows, columns) = slice.image.dim();
        let factor = (rows.max(columns) as f64 / side).ceil() as usize;
        let letter = char::from(b'a' + i as u8);
        let (stem, number) = if chosen.len() == 1 {
            ("figure-2".to_owned(), "Figure 2".to_owned())
        } else {
            (format!("figure-2{letter}"), format!("Figure 2{letter}"))
        };
        figures.push(grid(study, slice, factor, stem, number)?);
    }
    Ok(figures)
}

fn grid(
    study: &Study<'_>,
    slice: &ExampleSlice,
    factor: usize,
    stem: String,
    number: String,
) -> Result<Figure> {
    let window = white_level(std::iter::once(slice));
    let networks = study.networks(slice.maps.iter().map(|m| m.model.as_str()));
    let methods = study.methods(slice.maps.iter().map(|m| m.method.as_str()));
    let cells: Vec<Cell> = slice
        .maps
        .iter()
        .map(|m| measure(study, slice, m))
        .collect();
    let painter = Painter {
        study,
        slice,
        factor,
        window,
        height: picture_height(slice, SIDE),
        outline: slice
            .truth
            .as_ref()
            .map(|t| outline(study, slice, t))
            .unwrap_or_default(),
    };
    let mut panels = vec![painter.reference(&networks)?];
    for network in &networks {
        panels.push(painter.network(network, &methods, &cells)?);
    }
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
    let mut reading = format!(
        "Maps for the class “{}”, one column per network and one row per method, shown inside the tissue. Dashed: the region marked at threshold {}; its share of the tissue is given under each picture",
        study.facts.positive_class,
        study.threshold()
    );
    reading.push_str(if slice.truth.is_some() {
        ", with its IoU against the known damage (white outline)."
    } else {
        "."
    });
    Ok(Figure {
        stem,
        number,
        title: format!(
            "Maps by network and method: {}, scan {}, slice {}",
            heading(slice),
            slice.scan,
            slice.slice_index
        ),
        rows: vec![panels],
        legend: Some(legend(&keys, 340.0)),
        reading,
        seen: sentences(study, &networks, &methods, &cells),
    })
}

fn outline(study: &Study<'_>, slice: &ExampleSlice, map: &ndarray::Array2<f32>) -> String {
    let scale = SIDE / slice.image.dim().1.max(1) as f64;
    raster::outline(
        inside(slice, map).view(),
        study.facts.threshold as f32,
        scale,
    )
}

fn measure(study: &Study<'_>, slice: &ExampleSlice, map: &ExampleMap) -> Cell {
    let level = study.facts.threshold as f32;
    let (mut tissue, mut marked, mut both, mut either) = (0usize, 0usize, 0usize, 0usize);
    for (index, inside) in slice.foreground.indexed_iter() {
        if !inside {
            continue;
        }
        let a = map.map[index] >= level;
        let b = slice.truth.as_ref().is_some_and(|t| t[index] >= level);
        tissue += 1;
        marked += usize::from(a);
        both += usize::from(a && b);
        either += usize::from(a || b);
    }
    Cell {
        model: map.model.clone(),
        method: map.method.clone(),
        share: marked as f64 / tissue.max(1) as f64,
        iou: (slice.truth.is_some() && either > 0).then(|| both as f64 / either as f64),
    }
}

/// Draws the pictures of one slice.
struct Painter<'a> {
    study: &'a Study<'a>,
    slice: &'a ExampleSlice,
    factor: usize,
    window: f32,
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
        canvas.image((0.0, y), (SIDE, self.height), &uri, what);
        Ok(())
    }

    fn truth_outline(&self, canvas: &mut Canvas, y: f64) {
        canvas.path_at((0.0, y), &self.outline, "f-truth-under");
        canvas.path_at((0.0, y), &self.outline, "f-truth");
    }

    /// The slice itself, the known damage and the colour bar.
    fn reference(&self, networks: &[String]) -> Result<Panel> {
        let mut canvas = Canvas::default();
        canvas.text((0.0, 15.0), Anchor::Start, "f-title", "Slice");
        let what = format!("{}, slice {}", self.slice.scan, self.slice.slice_index);
        canvas.text((0.0, 34.0), Anchor::Start, "f-small", &heading(self.slice));
        let mut y = 40.0;
        self.picture(&mut canvas, y, None, &what)?;
        y += self.height + 34.0;
        if let Some(truth) = &self.slice.truth {
            canvas.text((0.0, y - 6.0), Anchor::Start, "f-text", "Known damage");
            self.picture(&mut canvas, y, Some(truth), "known damage")?;
            self.truth_outline(&mut canvas, y);
            y += self.height + 16.0;
        }
        let ticks = [(0.0, "0"), (0.5, "0.5"), (1.0, "1")].map(|(p, l)| (p, l.to_owned()));
        colour_bar(
            &mut canvas,
            (0.0, y),
            SIDE,
            &|part| raster::bar_colour(part).hex(),
            &ticks,
            "Map value (no unit)",
        );
        let label = format!(
            "{what}, beside the maps of {}",
            names::list(
                &networks
                    .iter()
                    .map(|n| names::network(n))
                    .collect::<Vec<_>>()
            )
        );
        Ok(Panel::new(SIDE, y + 46.0, canvas, label))
    }

    /// All methods on one network.
    fn network(&self, network: &str, methods: &[String], cells: &[Cell]) -> Result<Panel> {
        let shown = names::network(network);
        let mut canvas = Canvas::default();
        canvas.text((0.0, 15.0), Anchor::Start, "f-title", &shown);
        let mut y = 40.0;
        let mut parts = Vec::new();
        for method in methods {
            let name = names::method(method);
            let short = fitted(&name, 12.0, SIDE);
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
                let d = outline(self.study, self.slice, &map.map);
                canvas.path_at((0.0, y), &d, "f-mask");
                let mut text = format!("{} of tissue", names::percent(cell.share));
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
                canvas.rect((0.0, y), (SIDE, self.height), "f-empty");
                let middle = (SIDE / 2.0, y + self.height / 2.0);
                canvas.text(middle, Anchor::Middle, "f-small", "not computed");
            }
            y += self.height + 44.0;
        }
        let label = format!("{shown}. {}", parts.join("; "));
        Ok(Panel::new(SIDE, y - 22.0, canvas, label))
    }
}

fn sentences(
    study: &Study<'_>,
    networks: &[String],
    methods: &[String],
    cells: &[Cell],
) -> Vec<String> {
    let mut seen = Vec::new();
    let name = |c: &Cell| {
        format!(
            "{} on {}",
            names::method(&c.method),
            names::network(&c.model)
        )
    };
    if let Some((low, high)) = extremes(cells, |c| c.share) {
        if cells.len() == 1 {
            seen.push(format!(
                "{} marks {} of the tissue.",
                name(&low),
                names::percent(low.share)
            ));
        } else {
            seen.push(format!(
                "The marked share of the tissue runs from {} ({}) to {} ({}).",
                names::percent(low.share),
                name(&low),
                names::percent(high.share),
                name(&high)
            ));
        }
    }
    let empty = cells.iter().filter(|c| c.share == 0.0).count();
    if empty > 0 {
        seen.push(format!(
            "{} of {} maps mark{} nothing at {}.",
            empty,
            cells.len(),
            if empty == 1 { "s" } else { "" },
            study.threshold()
        ));
    }
    let defined: Vec<(Cell, f64)> = cells
        .iter()
        .filter_map(|c| c.iou.map(|v| (c.clone(), v)))
        .collect();
    if let Some((low, high)) = extremes(&defined, |c| c.1)
        && defined.len() > 1
    {
        seen.push(format!(
            "IoU with the known damage runs from {} ({}) to {} ({}).",
            names::fixed(low.1, 2),
            name(&low.0),
            names::fixed(high.1, 2),
            name(&high.0)
        ));
    }
    let spread = |keys: &[String], key: fn(&Cell) -> &str| {
        let means: Vec<f64> = keys
            .iter()
            .filter_map(|k| {
                let shares: Vec<f64> = cells
                    .iter()
                    .filter(|c| key(c) == k)
                    .map(|c| c.share)
                    .collect();
                mean(&shares)
            })
            .collect();
        extremes(&means, |v| *v).map_or(0.0, |(low, high)| 100.0 * (high - low))
    };
    if networks.len() > 1 && methods.len() > 1 {
        seen.push(format!(
            "On this slice the mean marked share differs by up to {} points between networks and by up to {} points between methods.",
            names::fixed(spread(networks, |c| &c.model), 0),
            names::fixed(spread(methods, |c| &c.method), 0)
        ));
    }
    seen
}
