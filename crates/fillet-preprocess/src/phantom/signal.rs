//! Water -> signal: what muscle, septa and free liquid send at the echo time.

use super::anatomy::Fillet;
use super::config::PhantomConfig;

/// Signal per unit of proton density of each kind of water in one scan of one fillet.
///
/// ```text
/// S = M0 · [(f_fibre − f_x) · e^(−TE/T2_fibre) + f_free · e^(−TE/T2_free) + f_x · e^(−TE/T2_x)]
///        · (1 − e^(−TR/T1))
/// ```
pub(super) struct Signal {
    fibre: f32,
    expelled: f32,
    constant: f32,
    expelled_most: f32,
    /// A collagen septum.
    pub(super) septum: f32,
    /// A septum that has opened and filled with liquid.
    pub(super) gap: f32,
    /// Drip in the pouch.
    pub(super) drip: f32,
    /// Undamaged muscle with the T2 of the configuration: the reference level.
    pub(super) reference: f32,
}

impl Signal {
    pub(super) fn new(config: &PhantomConfig, fillet: &Fillet, t2_shift_ms: f64) -> Self {
        let tissue = &config.tissue;
        let echo = config.scanner.echo_time_ms;
        let decay = |t2_ms: f64| (-echo / t2_ms).exp();
        let recovery = 1.0 - (-config.scanner.repetition_time_ms / tissue.t1_ms).exp();
        let fibre = decay((fillet.t2_fibre_ms + t2_shift_ms).max(1.0)) * recovery;
        let expelled = decay(fillet.t2_expelled_ms) * recovery;
        let free = tissue.free_fraction * decay(tissue.t2_free_ms) * recovery;
        let nominal = tissue.fibre_fraction * decay(tissue.t2_fibre_ms) * recovery + free;
        Self {
            fibre: fibre as f32,
            expelled: expelled as f32,
            constant: (tissue.fibre_fraction * fibre + free) as f32,
            expelled_most: tissue.expelled_most as f32,
            septum: (0.75 * decay(30.0) * recovery) as f32,
            gap: (0.9 * decay(400.0) * recovery) as f32,
            drip: (decay(1000.0) * recovery) as f32,
            reference: nominal as f32,
        }
    }

    /// Share of expelled water from damage and from lying in a cluster, both in [0, 1].
    ///
    /// ```text
    /// f_x = f_max · d · (0.35 + 0.65 · cluster)
    /// ```
    pub(super) fn expelled_share(&self, damage: f32, cluster: f32) -> f32 {
        self.expelled_most * damage * (0.35 + 0.65 * cluster)
    }

    /// Muscle with this share of expelled water, per unit of proton density.
    pub(super) fn muscle(&self, expelled_share: f32) -> f32 {
        self.constant + expelled_share * (self.expelled - self.fibre)
    }
}
