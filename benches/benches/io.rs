//! One scan of 54 × 256² from DICOM into an archive, and slices out of it.
#![allow(clippy::unwrap_used, missing_docs)] // criterion_group! makes an undocumented function

use criterion::{Criterion, criterion_group, criterion_main};
use mri_io::{Archive, ScanDescription, Spacing, Volume, read_scan, write_multi_frame};
use ndarray::Array3;

fn io(criterion: &mut Criterion) {
    let folder = std::env::temp_dir().join(format!("mri-io-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (scan, archive) = (folder.join("scan.dcm"), folder.join("archive.h5"));
    let stored = Array3::from_shape_fn((54, 256, 256), |(s, r, c)| {
        let noise = benches::rule::hashed(s as u32, (r * 256 + c) as u32) % 64;
        ((r * c) / 32 + s) as i32 + noise as i32
    });
    let volume = Volume::new(stored, Spacing::isotropic(1.0)).unwrap();
    write_multi_frame(&scan, &volume, &ScanDescription::synthetic("bench")).unwrap();
    let mut group = criterion.benchmark_group("54 × 256²");
    group.sample_size(10);
    group.bench_function("read a multi-frame file", |b| {
        b.iter(|| read_scan(&scan).unwrap())
    });
    group.bench_function("write a volume to an archive", |b| {
        b.iter(|| {
            let mut writer = Archive::create(&archive).unwrap();
            writer.write_volume("scan", &volume).unwrap();
            writer.finish().unwrap();
        })
    });
    group.bench_function("read ten slices of an archive", |b| {
        let archive = Archive::open(&archive).unwrap();
        b.iter(|| archive.read_slices("scan", 20..30).unwrap())
    });
    group.finish();
    std::fs::remove_dir_all(&folder).unwrap();
}

criterion_group!(benches, io);
criterion_main!(benches);
