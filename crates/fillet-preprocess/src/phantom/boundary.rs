//! Truth of a scan -> how wide its boundaries are.

use ndarray::ArrayView2;

use super::cohort::PhantomScan;

impl PhantomScan {
    /// Usual distance between the lines of damage 0.25 and 0.75, in mm; `None` where no boundary
    /// crosses the tissue.
    ///
    /// ```text
    /// width = area of tissue with 0.25 < damage < 0.75 / length of the line damage = 0.5
    /// ```
    ///
    /// The length counts the pixel edges between neighbours on either side of 0.5, times π/4, the
    /// mean of what a straight line of any direction takes.
    #[must_use]
    pub fn boundary_width_mm(&self) -> Option<f64> {
        let pixel_mm = self.volume.spacing().column_mm;
        let (mut between, mut edges) = (0, 0);
        for (damage, tissue) in self.damage.outer_iter().zip(self.tissue.outer_iter()) {
            let (area, length) = band(damage, tissue);
            between += area;
            edges += length;
        }
        let length = edges as f64 * std::f64::consts::FRAC_PI_4;
        (edges > 0).then(|| between as f64 / length * pixel_mm)
    }
}

/// Pixels within the band, and pixel edges along the line.
fn band(damage: ArrayView2<'_, f32>, tissue: ArrayView2<'_, bool>) -> (usize, usize) {
    let (mut area, mut edges) = (0, 0);
    for ((row, column), &here) in damage.indexed_iter() {
        if !tissue[[row, column]] {
            continue;
        }
        area += usize::from(here > 0.25 && here < 0.75);
        for next in [[row + 1, column], [row, column + 1]] {
            let crosses = |&other: &f32| (other >= 0.5) != (here >= 0.5);
            let inside = tissue.get(next).is_some_and(|&inside| inside);
            edges += usize::from(inside && damage.get(next).is_some_and(crosses));
        }
    }
    (area, edges)
}
