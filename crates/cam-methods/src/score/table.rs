//! Network outputs by tap, image and channel, each distinct mask computed once.

use super::mask::{LowMask, on_device};
use crate::explain::{Observation, Recorded};
use crate::resize::Resizer;
use crate::semantics::{ConstantChannels, ScoreCamRule};
use crate::variants::{chunks, forward, rows};
use crate::{Error, Result, ScoreSpace, TappedModel, Target, host};
use candle_core::{DType, Device, Tensor};
use std::collections::HashMap;

/// What became of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Constant, and left out by the semantics.
    Skipped,
    /// Row of the table.
    Row(usize),
}

/// Outputs for the masks of one image at one tap.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: HashMap<usize, Entry>,
    shared: HashMap<Vec<u32>, usize>,
    blank: Option<usize>,
    rows: Vec<Vec<f32>>,
}

/// The tables of an observation, `[tap][image]`.
#[derive(Debug)]
pub(crate) struct ScoreTables {
    tables: Vec<Vec<Table>>,
}

/// One mask to send through the network: `None` is the blank image.
struct Job {
    sample: usize,
    row: usize,
    mask: Option<LowMask>,
}

impl ScoreTables {
    pub(crate) fn new(layers: usize) -> Self {
        Self {
            tables: (0..layers).map(|_| Vec::new()).collect(),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.tables.iter_mut().for_each(Vec::clear);
    }

    pub(crate) fn get(&self, layer: usize, sample: usize) -> &Table {
        &self.tables[layer][sample]
    }
}

impl Table {
    pub(crate) fn entry(&self, channel: usize) -> Option<Entry> {
        self.entries.get(&channel).copied()
    }

    pub(crate) fn blank(&self) -> Option<usize> {
        self.blank
    }

    /// Score of every row.
    pub(crate) fn scores(
        &self,
        target: &Target,
        space: ScoreSpace,
        reduced: bool,
    ) -> Result<Vec<f64>> {
        if self.rows.is_empty() {
            return Ok(Vec::new());
        }
        if reduced {
            return Ok(self.rows.iter().map(|r| f64::from(r[0])).collect());
        }
        let width = self.rows[0].len();
        let outputs = Tensor::from_vec(self.rows.concat(), (self.rows.len(), width), &Device::Cpu)?;
        let scores =
            host::finite_values(&target.score(&outputs, space)?, "scores", "masked images")?;
        Ok(scores.into_iter().map(f64::from).collect())
    }

    /// Row for a mask, with a job where it is a new one.
    fn row_for(
        &mut self,
        sample: usize,
        mask: Option<LowMask>,
        share: bool,
        jobs: &mut Vec<Job>,
    ) -> usize {
        let known = match &mask {
            None if share => self.blank,
            Some(m) if share => self.shared.get(&m.key()).copied(),
            _ => None,
        };
        if let Some(row) = known {
            return row;
        }
        let row = self.rows.len();
        match &mask {
            None => self.blank = self.blank.or(Some(row)),
            Some(m) if share => {
                self.shared.insert(m.key(), row);
            }
            Some(_) => {}
        }
        self.rows.push(Vec::new());
        jobs.push(Job { sample, row, mask });
        row
    }
}

impl<M: TappedModel + ?Sized> Observation<'_, M> {
    /// Whether outputs are too large to keep and each is reduced to its target's score at once.
    pub(crate) fn reduced_scores(&self) -> bool {
        self.outputs.rank() > 2
    }

    /// Scores the channels asked for that have no score yet; `channels` by image.
    pub(crate) fn ensure_scores(
        &mut self,
        layer: usize,
        channels: &[Vec<usize>],
        blank: bool,
        targets: &[Target],
        stage: &str,
    ) -> Result<()> {
        let rule = self.explainer.semantics.score_cam.clone();
        let share = self.explainer.share_masks;
        let mut tables = std::mem::take(&mut self.tables.tables[layer]);
        tables.resize_with(channels.len(), Table::default);
        let mut jobs = Vec::new();
        for (sample, (table, channels)) in tables.iter_mut().zip(channels).enumerate() {
            let view = self.layers[layer].layer(sample, None);
            if blank && table.blank.is_none() {
                table.row_for(sample, None, share, &mut jobs);
            }
            for channel in channels {
                if table.entries.contains_key(channel) {
                    continue;
                }
                let cells = view.cells();
                let activation = &view.activations[channel * cells..(channel + 1) * cells];
                let entry = match (LowMask::of(activation, &rule), rule.constant) {
                    (None, ConstantChannels::Skip) => Entry::Skipped,
                    (mask, _) => Entry::Row(table.row_for(sample, mask, share, &mut jobs)),
                };
                table.entries.insert(*channel, entry);
            }
        }
        let done = self.run(&jobs, layer, &rule, targets, stage, &mut tables);
        if done.is_err() {
            // rows of jobs that did not run are empty: forget them all rather than keep some
            tables.clear();
        }
        self.tables.tables[layer] = tables;
        done
    }

    fn run(
        &mut self,
        jobs: &[Job],
        layer: usize,
        rule: &ScoreCamRule,
        targets: &[Target],
        stage: &str,
        tables: &mut [Table],
    ) -> Result<()> {
        let chunk = self.chunk_size()?;
        let masker = Masker::new(&self.images, &self.layers[layer], rule)?;
        for range in chunks(jobs.len(), chunk) {
            let part = &jobs[range.clone()];
            let outputs = forward(
                self.explainer.model,
                &masker.images(part)?,
                &mut self.passes,
            )?;
            if outputs.rank() == 0 || outputs.dim(0)? != part.len() {
                return Err(Error::OutputShape {
                    target: "masked images".to_owned(),
                    expected: "[batch, ...]",
                    shape: outputs.dims().to_vec(),
                });
            }
            let rows = if self.reduced_scores() {
                let each: Vec<Tensor> = part
                    .iter()
                    .enumerate()
                    .map(|(i, job)| {
                        targets[job.sample].score(&outputs.narrow(0, i, 1)?, rule.space)
                    })
                    .collect::<Result<_>>()?;
                rows(&Tensor::cat(&each, 0)?, stage)?
            } else {
                rows(&outputs, stage)?
            };
            for (job, row) in part.iter().zip(rows) {
                tables[job.sample].rows[job.row] = row;
            }
            self.report(stage, range.end, jobs.len())?;
        }
        Ok(())
    }
}

/// Makes masked images, on the plain path for `f32` on the CPU and on the device otherwise.
struct Masker<'a> {
    images: &'a Tensor,
    plain: Option<Vec<f32>>,
    from: [usize; 2],
    size: [usize; 4],
    resizer: Resizer,
    rule: &'a ScoreCamRule,
}

impl<'a> Masker<'a> {
    fn new(images: &'a Tensor, layer: &Recorded, rule: &'a ScoreCamRule) -> Result<Self> {
        let (b, c, h, w) = images.dims4()?;
        let from = [layer.height, layer.width];
        let plain = match images.device().is_cpu() && images.dtype() == DType::F32 {
            true => Some(host::values(images)?),
            false => None,
        };
        let resizer = Resizer::new(rule.resize, from, [h, w]);
        Ok(Self {
            images,
            plain,
            from,
            size: [b, c, h, w],
            resizer,
            rule,
        })
    }

    /// `[n, channel, H, W]`.
    fn images(&self, jobs: &[Job]) -> Result<Tensor> {
        let [_, channels, height, width] = self.size;
        let pixels = height * width;
        let Some(plain) = &self.plain else {
            return self.images_on_device(jobs);
        };
        let mut out = Vec::with_capacity(jobs.len() * channels * pixels);
        let mut mask = Vec::with_capacity(pixels);
        for job in jobs {
            let image =
                &plain[job.sample * channels * pixels..(job.sample + 1) * channels * pixels];
            match &job.mask {
                None => out.resize(out.len() + channels * pixels, 0.0),
                Some(low) => {
                    mask.clear();
                    low.extend(&self.resizer, self.rule.order, &mut mask);
                    for plane in image.chunks_exact(pixels) {
                        out.extend(plane.iter().zip(&mask).map(|(x, m)| x * m));
                    }
                }
            }
        }
        Ok(Tensor::from_vec(
            out,
            (jobs.len(), channels, height, width),
            &Device::Cpu,
        )?)
    }

    fn images_on_device(&self, jobs: &[Job]) -> Result<Tensor> {
        let [_, _, height, width] = self.size;
        let device = self.images.device();
        let masks: Vec<Option<&LowMask>> = jobs.iter().map(|j| j.mask.as_ref()).collect();
        let masks = on_device(&masks, self.from, [height, width], self.rule, device)?;
        let masks = masks.to_dtype(self.images.dtype())?.unsqueeze(1)?;
        let samples: Vec<u32> = jobs.iter().map(|j| j.sample as u32).collect();
        let samples = Tensor::from_vec(samples, jobs.len(), device)?;
        Ok(self
            .images
            .index_select(&samples, 0)?
            .broadcast_mul(&masks)?)
    }
}
