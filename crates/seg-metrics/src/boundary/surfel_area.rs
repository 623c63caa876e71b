//! The corners of a cell that are set -> area of the surface (or length of the line) inside it.
//!
//! A cell has one pixel centre at each corner. The surface cuts every edge between a set and an
//! unset corner in its middle; where a face is ambiguous, the corners that are in the minority are
//! kept apart. Polygons that are not flat are cut into their flat pieces.

/// Middle of a cell edge, in half edge lengths, so that every coordinate is 0, 1 or 2.
type Middle = [i8; 3];

/// Length of the outline inside a cell of four pixel centres, by the bits of its corners.
///
/// Bit `2 i + j` is the corner at row `i`, column `j`.
pub(crate) fn lengths(spacing: [f64; 2]) -> [f64; 16] {
    let slant = 0.5 * spacing[0].hypot(spacing[1]);
    core::array::from_fn(|code| {
        let set = |bit: usize| code >> bit & 1 == 1;
        match code.count_ones() {
            0 | 4 => 0.0,
            1 | 3 => slant,
            _ if set(0) == set(1) => spacing[1],
            _ if set(0) == set(2) => spacing[0],
            _ => 2.0 * slant,
        }
    })
}

/// Area of the surface inside a cell of eight pixel centres, by the bits of its corners.
///
/// Bit `4 i + 2 j + k` is the corner at slice `i`, row `j`, column `k`.
pub(crate) fn areas(spacing: [f64; 3]) -> Vec<f64> {
    (0..=255_u8)
        .map(|code| {
            let minority = if code.count_ones() > 4 { !code } else { code };
            polygons(minority)
                .iter()
                .map(|polygon| area(polygon, spacing))
                .sum()
        })
        .collect()
}

fn is_set(code: u8, corner: [i8; 3]) -> bool {
    code >> (4 * corner[0] + 2 * corner[1] + corner[2]) & 1 == 1
}

/// The closed polygons in which the surface cuts the edges of the cell.
fn polygons(code: u8) -> Vec<Vec<Middle>> {
    let mut steps: Vec<(Middle, Middle)> = Vec::new();
    for axis in 0..3 {
        for side in [0, 1] {
            steps_on_face(code, axis, side, &mut steps);
        }
    }
    let mut found = Vec::new();
    while let Some((first, mut next)) = steps.pop() {
        let mut polygon = vec![first];
        while next != first {
            polygon.push(next);
            let Some(at) = steps.iter().position(|step| step.0 == next) else {
                break;
            };
            next = steps.swap_remove(at).1;
        }
        found.push(polygon);
    }
    found
}

/// The steps of the surface's edge over one face, each around one run of set corners.
fn steps_on_face(code: u8, axis: usize, side: i8, steps: &mut Vec<(Middle, Middle)>) {
    let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
    let mut around = [[0, 0], [1, 0], [1, 1], [0, 1]].map(|at: [i8; 2]| {
        let mut corner = [0; 3];
        corner[axis] = side;
        corner[u] = at[0];
        corner[v] = at[1];
        corner
    });
    if side == 0 {
        around.reverse();
    }
    let middle = |at: usize| -> Middle {
        let (a, b) = (around[at % 4], around[(at + 1) % 4]);
        [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
    };
    let set = |at: usize| is_set(code, around[at % 4]);
    for entry in (0..4).filter(|&at| !set(at) && set(at + 1)) {
        if let Some(exit) = (entry + 1..entry + 4).find(|&at| set(at) && !set(at + 1)) {
            steps.push((middle(entry), middle(exit)));
        }
    }
}

/// Area of a polygon, cut into triangles from the vertex that keeps its flat pieces whole.
fn area(polygon: &[Middle], spacing: [f64; 3]) -> f64 {
    let n = polygon.len();
    let along = |at: usize| polygon[at % n].iter().position(|&x| x == 1);
    let apex = match n {
        5 => (0..n).find(|&at| along(at) == along(at + 1) && along(at) == along(at + 2)),
        6 => (0..n)
            .find(|&at| along(at + n - 2) == along(at + n - 1) && along(at + 1) == along(at + 2)),
        _ => None,
    }
    .unwrap_or(0);
    let point = |at: usize| -> [f64; 3] {
        core::array::from_fn(|axis| {
            let offset = polygon[(apex + at) % n][axis] - polygon[apex][axis];
            0.5 * f64::from(offset) * spacing[axis]
        })
    };
    (1..n - 1)
        .map(|at| {
            let (a, b) = (point(at), point(at + 1));
            let normal = [
                a[1] * b[2] - a[2] * b[1],
                a[2] * b[0] - a[0] * b[2],
                a[0] * b[1] - a[1] * b[0],
            ];
            0.5 * normal.iter().map(|x| x * x).sum::<f64>().sqrt()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_cells_have_the_area_of_a_face_and_corners_a_triangle() {
        let table = areas([1.0, 2.0, 3.0]);
        assert_eq!(table[0b0000_1111], 6.0);
        assert_eq!(table[0b0011_0011], 3.0);
        assert_eq!((table[0], table[255]), (0.0, 0.0));
        assert!((areas([1.0, 1.0, 1.0])[1] - 3.0_f64.sqrt() / 8.0).abs() < 1e-15);
        for code in 0..256 {
            assert!((table[code] - table[255 - code]).abs() < 1e-12, "{code}");
        }
    }
}
