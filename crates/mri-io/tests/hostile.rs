//! No bytes make the readers panic, hang or reserve what is not there.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use mri_io::{Archive, Error, Spacing, Volume, list_series, npy, read_scan};
use ndarray::Array3;
use proptest::prelude::*;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn with_file<T>(bytes: &[u8], use_file: impl FnOnce(&Path) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    use_file(&path)
}

/// Small files of every kind of storage.
fn seeds() -> &'static [Vec<u8>] {
    static SEEDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    SEEDS.get_or_init(|| {
        [
            "MR_small.dcm",
            "MR_small_RLE.dcm",
            "MR_small_bigendian.dcm",
            "MR_small_implicit.dcm",
            "derived/small_deflated.dcm",
            "derived/small_jpeg_lossless.dcm",
            "derived/small_bare_implicit.dcm",
            "derived/enhanced.dcm",
        ]
        .map(|name| std::fs::read(data().join(name)).unwrap())
        .to_vec()
    })
}

fn archive() -> &'static [u8] {
    static ARCHIVE: OnceLock<Vec<u8>> = OnceLock::new();
    ARCHIVE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.h5");
        let stored = Array3::from_shape_fn((3, 8, 8), |(s, r, c)| (s * 64 + r * 8 + c) as i32);
        let volume = Volume::new(stored, Spacing::isotropic(1.0)).unwrap();
        let mut writer = Archive::create(&path).unwrap();
        writer.write_volume("v", &volume).unwrap();
        writer.finish().unwrap();
        std::fs::read(&path).unwrap()
    })
}

/// What comes out is either an error that names the file or a volume whose size the file holds.
fn check_scan(bytes: &[u8]) {
    with_file(bytes, |path| match read_scan(path) {
        Ok(volume) => assert!(volume.stored().len() <= bytes.len().saturating_mul(1024)),
        Err(error) => {
            assert!(error.to_string().contains("file"), "{error}");
            assert!(list_series(path.parent().unwrap()).is_ok());
        }
    });
}

fn check_archive(bytes: &[u8]) {
    with_file(bytes, |path| {
        let read = Archive::open(path).and_then(|a| {
            a.names()?;
            a.read_volume("v")
        });
        if let Ok(volume) = read {
            assert!(volume.stored().len() <= bytes.len().saturating_mul(1100));
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_no_scan(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        check_scan(&bytes);
        let mut marked = vec![0; 128];
        marked.extend_from_slice(b"DICM");
        marked.extend_from_slice(&bytes);
        check_scan(&marked);
        let mut bare = b"\x08\x00\x05\x00CS\x02\x00  ".to_vec();
        bare.extend_from_slice(&bytes);
        check_scan(&bare);
    }

    #[test]
    fn truncated_scans_are_errors_or_smaller(which in 0..8_usize, part in 0.0..1.0_f64) {
        let seed = &seeds()[which];
        check_scan(&seed[..(seed.len() as f64 * part) as usize]);
    }

    #[test]
    fn changed_bytes_do_no_harm(
        which in 0..8_usize,
        changes in prop::collection::vec((0.0..1.0_f64, any::<u8>()), 1..24),
        head in any::<bool>(),
    ) {
        let mut bytes = seeds()[which].clone();
        // most of a file is pixels; the header is where harm could come from
        let reach = if head { bytes.len().min(1500) } else { bytes.len() } as f64;
        for (part, value) in changes {
            bytes[(reach * part) as usize] = value;
        }
        check_scan(&bytes);
    }

    #[test]
    fn damaged_archives_do_no_harm(
        changes in prop::collection::vec((0.0..1.0_f64, any::<u8>()), 1..6),
        end in 0.5..1.5_f64,
    ) {
        let mut bytes = archive().to_vec();
        let length = bytes.len() as f64;
        for (part, value) in changes {
            bytes[(length * part) as usize] = value;
        }
        bytes.truncate((length * end) as usize);
        check_archive(&bytes);
    }

    #[test]
    fn random_bytes_are_no_array(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut marked = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': ".to_vec();
        marked.extend_from_slice(&bytes);
        for bytes in [&bytes, &marked] {
            prop_assert!(with_file(bytes, |path| npy::read_f32(path).is_err()));
        }
    }
}

/// An element of explicit VR little endian.
fn element(bytes: &mut Vec<u8>, tag: [u8; 4], vr: &[u8; 2], value: &[u8]) {
    bytes.extend_from_slice(&tag);
    bytes.extend_from_slice(vr);
    bytes.extend_from_slice(&(value.len() as u16).to_le_bytes());
    bytes.extend_from_slice(value);
}

#[test]
fn an_enormous_claim_costs_nothing() {
    let mut bytes = Vec::new();
    element(&mut bytes, [8, 0, 8, 0], b"CS", b"ORIGINAL");
    element(&mut bytes, [8, 0, 0x60, 0], b"CS", b"MR");
    element(&mut bytes, [0x28, 0, 8, 0], b"IS", b"1000");
    element(
        &mut bytes,
        [0x28, 0, 0x10, 0],
        b"US",
        &60_000_u16.to_le_bytes(),
    );
    element(
        &mut bytes,
        [0x28, 0, 0x11, 0],
        b"US",
        &60_000_u16.to_le_bytes(),
    );
    element(&mut bytes, [0x28, 0, 0, 1], b"US", &16_u16.to_le_bytes());
    bytes.extend_from_slice(b"\xe0\x7f\x10\x00OW\x00\x00\x04\x00\x00\x00abcd");
    let error = with_file(&bytes, |path| read_scan(path).unwrap_err());
    assert!(
        matches!(
            error,
            Error::Truncated {
                expected: 7_200_000_000_000,
                found: 4,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_packed_bomb_is_refused() {
    use std::io::Write;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..64 {
        packer.write_all(&zeros).unwrap();
    }
    let bytes = packer.finish().unwrap();
    let error = with_file(&bytes, |path| read_scan(path).unwrap_err());
    assert!(
        matches!(error, Error::NotDicom { .. } | Error::TooLarge { .. }),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn a_device_is_not_read() {
    let error = read_scan(Path::new("/dev/zero")).unwrap_err();
    assert_eq!(error.to_string(), "/dev/zero: not a regular file");
}

/// Files that a fuzzer once found to do harm.
#[test]
fn what_fuzzing_found_does_no_harm_any_more() {
    // the index gives a chunk more than two gigabytes
    let path = data().join("found_by_fuzzing/chunk_beyond_the_file.h5");
    let archive = Archive::open(&path).unwrap();
    let errors: Vec<Error> = archive
        .names()
        .unwrap()
        .iter()
        .filter_map(|name| archive.read_volume(name).err())
        .collect();
    assert!(!errors.is_empty());
    for error in errors {
        assert!(error.to_string().contains("volumes/"), "{error}");
    }
}
