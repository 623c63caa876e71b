//! Slices with all their maps -> small pictures for the slice browser of the page.
//!
//! Maps are reduced to at most 64 pixels a side and to hundredths, which a threshold in tenths
//! survives, so that a whole study fits into one file. The tables are computed from the maps at
//! full size.

use ndarray::{Array2, ArrayView2};
use serde::Serialize;

use super::error::Result;
use super::input::ExampleSlice;
use super::{fig_examples, names, raster};

/// Longest side of a map, in pixels.
const MAP_SIDE: usize = 64;
/// Longest side of a slice, in pixels.
const IMAGE_SIDE: usize = 128;

/// Slices for the browser, already encoded.
#[derive(Debug, Clone, Default)]
pub struct Album {
    entries: Vec<Entry>,
    bytes: usize,
    left_out: usize,
}

/// One slice as the page's script reads it.
#[derive(Debug, Clone, Serialize)]
struct Entry {
    /// What to choose it by.
    group: String,
    name: String,
    /// Tiles of the slice itself: grey value, tissue, then `planes`.
    base: String,
    /// Height and width of a tile of `base`.
    base_size: [usize; 2],
    /// Which references follow the tissue in `base`.
    planes: Vec<&'static str>,
    /// Tiles of the maps, one row per network and one column per method.
    maps: String,
    map_size: [usize; 2],
    networks: Vec<String>,
    methods: Vec<String>,
    /// Tiles that hold a map.
    present: Vec<bool>,
}

impl Album {
    /// Most bytes of encoded slices that a page of at most 15 MB has room for.
    pub const BUDGET: usize = 9_000_000;

    /// No slices.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Encoded size so far, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a slice with its maps; one that does not fit into [`Album::BUDGET`] is only counted.
    ///
    /// # Errors
    ///
    /// [`super::Error::ExampleShape`] if its arrays differ in shape, [`super::Error::Picture`] if
    /// the encoder fails.
    pub fn add(&mut self, slice: &ExampleSlice) -> Result<()> {
        let entry = Entry::of(&slice.checked()?)?;
        let bytes = entry.base.len() + entry.maps.len() + 600;
        if self.bytes + bytes > Self::BUDGET {
            self.left_out += 1;
        } else {
            self.bytes += bytes;
            self.entries.push(entry);
        }
        Ok(())
    }

    /// Counts slices that were not even offered.
    pub fn leave_out(&mut self, slices: usize) {
        self.left_out += slices;
    }

    /// How many slices it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many slices are not in it.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The slices as JSON that is safe inside a `<script>` element.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        let text = serde_json::to_string(&self.entries)?;
        Ok(text
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026"))
    }
}

impl Entry {
    fn of(slice: &ExampleSlice) -> Result<Self> {
        let what = format!("{}, slice {}", slice.scan, slice.slice_index);
        let (rows, columns) = slice.image.dim();
        let longest = rows.max(columns).max(1);
        let image_factor = longest.div_ceil(IMAGE_SIDE);
        let map_factor = longest.div_ceil(MAP_SIDE);
        let window = fig_examples::white_level(std::iter::once(slice));
        let tissue = slice.foreground.mapv(|b| if b { 1.0 } else { 0.0 });
        let mut base = vec![
            raster::shrunk(slice.image.view(), image_factor)
                .mapv(|v| (255.0 * (v / window).clamp(0.0, 1.0)).round() as u8),
            raster::shrunk(tissue.view(), image_factor).mapv(|v| if v >= 0.5 { 255 } else { 0 }),
        ];
        let mut planes = Vec::new();
        let references = [("truth", &slice.truth), ("supervised", &slice.supervised)];
        for (name, plane) in references {
            if let Some(plane) = plane {
                planes.push(name);
                base.push(hundredths(
                    fig_examples::inside(slice, plane).view(),
                    image_factor,
                ));
            }
        }
        let mut networks: Vec<&str> = Vec::new();
        let mut methods: Vec<&str> = Vec::new();
        for map in &slice.maps {
            if !networks.contains(&map.model.as_str()) {
                networks.push(&map.model);
            }
            if !methods.contains(&map.method.as_str()) {
                methods.push(&map.method);
            }
        }
        let map_size = (rows.div_ceil(map_factor), columns.div_ceil(map_factor));
        let mut present = Vec::new();
        let mut tiles = Vec::new();
        for network in &networks {
            for method in &methods {
                let map = slice
                    .maps
                    .iter()
                    .find(|m| m.model == *network && m.method == *method);
                present.push(map.is_some());
                tiles.push(map.map_or_else(
                    || Array2::zeros(map_size),
                    |m| hundredths(fig_examples::inside(slice, &m.map).view(), map_factor),
                ));
            }
        }
        let base_size = base.first().map_or((0, 0), Array2::dim);
        Ok(Self {
            group: fig_examples::heading(slice),
            base: raster::tiles(&base, base.len(), &what)?,
            base_size: [base_size.0, base_size.1],
            planes,
            maps: if tiles.is_empty() {
                String::new()
            } else {
                raster::tiles(&tiles, methods.len(), &what)?
            },
            map_size: [map_size.0, map_size.1],
            networks: networks.into_iter().map(names::network).collect(),
            methods: methods.into_iter().map(names::method).collect(),
            present,
            name: what,
        })
    }
}

/// Values as whole hundredths.
fn hundredths(map: ArrayView2<'_, f32>, factor: usize) -> Array2<u8> {
    raster::shrunk(map, factor).mapv(|v| (100.0 * v.clamp(0.0, 1.0)).round() as u8)
}
