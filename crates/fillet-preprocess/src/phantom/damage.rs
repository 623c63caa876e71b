//! Freezing time -> latent damage in [0, 1].

use super::anatomy::{Fillet, Section, purpose};
use super::choices::{DamageLayout, Freezing};
use super::config::PhantomConfig;
use super::lattice::{Field, normal_cdf};

/// Cells along each side of the grid on which freezing is solved, 1 mm apart.
const CELLS: usize = 64;
/// Over-relaxation sweeps; the error falls by about 1/e in every ten.
const SWEEPS: usize = 200;
/// Over-relaxation factor for domains some 50 cells wide.
const OVER_RELAXATION: f64 = 1.9;

/// Freezing of one slice of one fillet, in the fillet's own coordinates.
pub(super) struct Freeze {
    ln_hours: Vec<f32>,
    focus: Vec<f32>,
    inside: Vec<bool>,
    ln_half: f32,
    width: f32,
    focus_level: f32,
    focus_damage: f32,
}

/// The number a standard normal variable exceeds with the given probability.
fn upper_quantile(share: f64) -> f32 {
    let (mut low, mut high) = (-6.0_f32, 6.0_f32);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if f64::from(1.0 - normal_cdf(middle)) > share {
            low = middle
        } else {
            high = middle
        }
    }
    low
}

fn centre_mm(cell: usize) -> f64 {
    cell as f64 + 0.5 - CELLS as f64 / 2.0
}

impl Freeze {
    pub(super) fn new(
        config: &PhantomConfig,
        seed: u64,
        fillet: &Fillet,
        section: &Section<'_>,
        z_mm: f64,
    ) -> Self {
        let damage = &config.damage;
        let index = fillet.index as u64;
        let inside: Vec<bool> = (0..CELLS * CELLS)
            .map(|cell| section.contains(centre_mm(cell / CELLS), centre_mm(cell % CELLS)))
            .collect();
        let slowness: Vec<f32> = match damage.layout {
            DamageLayout::Centre => solve(&inside, |_| true),
            DamageLayout::Contact => {
                let face = 0.35 * config.tissue.half_axes_mm[0];
                solve(&inside, |row| centre_mm(row) > face)
            }
            DamageLayout::Foci => {
                let plane = Field::new(seed, &[purpose::FOCI, index], [7.0, 5.0, 5.0]).plane(z_mm);
                over_cells(|row, column| normal_cdf(plane.at(row, column)))
            }
        };
        let local = Field::new(seed, &[purpose::LOCAL, index], [4.0, 3.2, 3.2]).plane(z_mm);
        let focus =
            Field::new(seed, &[purpose::RECRYSTALLISED, index], [4.0, 2.6, 2.6]).plane(z_mm);
        let position = Freezing::ALL
            .iter()
            .position(|&treatment| treatment == fillet.treatment)
            .unwrap_or(0);
        let ln_slowest = damage.freezing_hours[position].ln() + fillet.ln_freezing;
        let least = damage.fastest_share;
        let ln_hours = over_cells(|row, column| damage.local_sd as f32 * local.at(row, column))
            .into_iter()
            .zip(&slowness)
            .map(|(shift, &slow)| {
                ln_slowest as f32 + (least + (1.0 - least) * f64::from(slow)).ln() as f32 + shift
            })
            .collect();
        Self {
            ln_hours,
            focus: over_cells(|row, column| focus.at(row, column)),
            inside,
            ln_half: damage.half_damage_hours.ln() as f32,
            width: damage.softness.width() as f32,
            focus_level: upper_quantile(damage.recrystallised_share),
            focus_damage: damage.recrystallised_damage as f32,
        }
    }

    /// Damage at a place given in the fillet's coordinates.
    pub(super) fn at(&self, row_mm: f64, column_mm: f64) -> f32 {
        let place = |mm: f64| (mm + CELLS as f64 / 2.0 - 0.5).clamp(0.0, (CELLS - 1) as f64);
        let (row, column) = (place(row_mm), place(column_mm));
        let (top, left) = (
            (row as usize).min(CELLS - 2),
            (column as usize).min(CELLS - 2),
        );
        let (fy, fx) = ((row - top as f64) as f32, (column - left as f64) as f32);
        let between = |grid: &[f32]| {
            let at = top * CELLS + left;
            (grid[at] * (1.0 - fx) + grid[at + 1] * fx) * (1.0 - fy)
                + (grid[at + CELLS] * (1.0 - fx) + grid[at + CELLS + 1] * fx) * fy
        };
        self.damage(between(&self.ln_hours), between(&self.focus))
    }

    fn damage(&self, ln_hours: f32, focus: f32) -> f32 {
        let slow = logistic((ln_hours - self.ln_half) / self.width);
        let recrystallised = logistic((focus - self.focus_level) / (0.35 * self.width));
        slow + (1.0 - slow) * self.focus_damage * recrystallised
    }

    /// Sum of the damage over the cells of the fillet, and their number.
    pub(super) fn sum(&self) -> (f64, usize) {
        let cells = self
            .inside
            .iter()
            .enumerate()
            .filter(|(_, inside)| **inside);
        cells.fold((0.0, 0), |(sum, n), (cell, _)| {
            (
                sum + f64::from(self.damage(self.ln_hours[cell], self.focus[cell])),
                n + 1,
            )
        })
    }
}

fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

fn over_cells(value: impl Fn(f64, f64) -> f32) -> Vec<f32> {
    (0..CELLS * CELLS)
        .map(|cell| value(centre_mm(cell / CELLS), centre_mm(cell % CELLS)))
        .collect()
}

/// Solves `lap(u) = −1` with `u = 0` on the cold part of the surface and no flow through the
/// rest, and scales the largest value to 1: the time after which a place is frozen, relative to
/// the last. `cold` tells by row which part of the surface is cold.
fn solve(inside: &[bool], cold: impl Fn(usize) -> bool) -> Vec<f32> {
    let mut u = vec![0.0_f64; CELLS * CELLS];
    let interior: Vec<usize> = (0..CELLS * CELLS)
        .filter(|&cell| {
            let (row, column) = (cell / CELLS, cell % CELLS);
            inside[cell] && (1..CELLS - 1).contains(&row) && (1..CELLS - 1).contains(&column)
        })
        .collect();
    let neighbours = |cell: usize| [cell - CELLS, cell - 1, cell + 1, cell + CELLS];
    let counts: Vec<f64> = interior
        .iter()
        .map(|&cell| {
            let counted = neighbours(cell)
                .into_iter()
                .filter(|&n| inside[n] || cold(n / CELLS))
                .count();
            counted.max(1) as f64
        })
        .collect();
    for _ in 0..SWEEPS {
        for (&cell, &count) in interior.iter().zip(&counts) {
            let around: f64 = neighbours(cell).into_iter().map(|n| u[n]).sum();
            u[cell] += OVER_RELAXATION * ((around + 1.0) / count - u[cell]);
        }
    }
    let most = u.iter().copied().fold(0.0, f64::max);
    let scale = if most > 0.0 { 1.0 / most } else { 0.0 };
    u.into_iter()
        .map(|value| (value * scale).clamp(0.0, 1.0) as f32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disc_matches_its_closed_form() {
        let radius = 25.0;
        let inside: Vec<bool> = (0..CELLS * CELLS)
            .map(|c| centre_mm(c / CELLS).hypot(centre_mm(c % CELLS)) < radius)
            .collect();
        let u = solve(&inside, |_| true);
        for cell in (0..CELLS * CELLS).filter(|&cell| inside[cell]) {
            let r = centre_mm(cell / CELLS).hypot(centre_mm(cell % CELLS));
            let exact = 1.0 - (r / radius).powi(2);
            // the staircase boundary moves the zero by up to one cell: 2/25 of the range
            assert!(
                (f64::from(u[cell]) - exact).abs() < 0.08,
                "{r}: {} {exact}",
                u[cell]
            );
        }
    }

    #[test]
    fn slab_cooled_from_one_face_is_slowest_at_the_other() {
        let inside: Vec<bool> = (0..CELLS * CELLS)
            .map(|c| (20..44).contains(&(c / CELLS)))
            .collect();
        let u = solve(&inside, |row| row >= 44);
        let column = 32;
        for row in 21..44 {
            assert!(u[row * CELLS + column] <= u[(row - 1) * CELLS + column] + 1e-6);
        }
        assert!(u[20 * CELLS + column] > 0.9);
    }
}
