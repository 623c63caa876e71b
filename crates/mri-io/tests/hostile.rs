//! No bytes make the readers panic, hang or reserve what is not there.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use mri_io::{
    Archive, Deidentification, Error, Listing, Spacing, Volume, deidentify, list_series, npy,
    read_scan,
};
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

/// A sequence in a sequence in a sequence …
#[test]
fn deep_nesting_is_refused() {
    for depth in [31, 33, 5000] {
        let mut bytes = Vec::new();
        element(&mut bytes, [8, 0, 8, 0], b"CS", b"ORIGINAL");
        element(&mut bytes, [8, 0, 0x60, 0], b"CS", b"MR");
        for _ in 0..depth {
            bytes.extend_from_slice(b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff");
            bytes.extend_from_slice(b"\xfe\xff\x00\xe0\xff\xff\xff\xff");
        }
        for _ in 0..depth {
            bytes.extend_from_slice(b"\xfe\xff\x0d\xe0\x00\x00\x00\x00");
            bytes.extend_from_slice(b"\xfe\xff\xdd\xe0\x00\x00\x00\x00");
        }
        let mut marked = vec![0; 128];
        marked.extend_from_slice(b"DICM");
        element(
            &mut marked,
            [2, 0, 0x10, 0],
            b"UI",
            b"1.2.840.10008.1.2.1\0",
        );
        marked.extend_from_slice(&bytes);
        let error = with_file(&marked, |path| read_scan(path).unwrap_err().to_string());
        assert_eq!(
            error.contains("nested deeper than 32"),
            depth > 32,
            "{error}"
        );
    }
}

/// A claim on disk: the file is sparse, so it is large without holding anything.
#[test]
fn a_file_beyond_the_limit_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.dcm");
    let file = std::fs::File::create(&path).unwrap();
    if file.set_len(5 << 30).is_err() {
        // the disk has no sparse files: nothing to try
        return;
    }
    let error = read_scan(&path).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_and_special_files_are_passed_over() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("scan")).unwrap();
    std::fs::copy(data().join("MR_small.dcm"), at("scan/a.dcm")).unwrap();
    symlink(folder.path(), at("scan/up")).unwrap();
    symlink(at("b"), at("c")).unwrap();
    symlink(at("c"), at("b")).unwrap();
    symlink("/dev/zero", at("scan/endless.dcm")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(at("scan/socket.dcm")).unwrap();
    let listings = list_series(folder.path()).unwrap();
    assert_eq!(listings.len(), 1, "{listings:?}");
    assert_eq!(read_scan(&at("scan")).unwrap().slices(), 1);
    for special in ["scan/endless.dcm", "scan/socket.dcm", "b"] {
        let error = read_scan(&at(special)).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
        assert!(Archive::open(&at(special)).is_err());
    }
}

/// Needs a user whom permissions bind; for others there is nothing unreadable.
#[cfg(unix)]
#[test]
fn unreadable_files_and_folders_are_listed_with_their_error() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("locked")).unwrap();
    for name in ["a.dcm", "b.dcm", "locked/c.dcm"] {
        std::fs::copy(data().join("MR_small.dcm"), at(name)).unwrap();
    }
    let set = |name: &str, mode| {
        std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set("b.dcm", 0o000);
    set("locked", 0o000);
    let bound = std::fs::read(at("b.dcm")).is_err();
    let listings = list_series(folder.path()).unwrap();
    let errors: Vec<&Path> = listings
        .iter()
        .filter(|listing| matches!(listing, Listing::Unreadable(_)))
        .map(Listing::first_file)
        .collect();
    let scan = read_scan(folder.path());
    set("locked", 0o700);
    if bound {
        assert_eq!(errors, [Path::new("b.dcm"), Path::new("locked")]);
        let error = scan.unwrap_err();
        assert!(
            matches!(&error, Error::Io { path, .. } if *path == at("b.dcm")),
            "{error}"
        );
    } else {
        assert!(errors.is_empty());
    }
}

/// Files that a fuzzer once found to do harm.
#[test]
fn what_fuzzing_found_does_no_harm_any_more() {
    // the index gives a chunk more than two gigabytes; large chunks, one over the other
    for name in ["chunk_beyond_the_file.h5", "many_large_chunks.h5"] {
        let path = data().join("found_by_fuzzing").join(name);
        let archive = Archive::open(&path).unwrap();
        let errors: Vec<Error> = archive
            .names()
            .unwrap()
            .iter()
            .filter_map(|entry| archive.read_volume(entry).err())
            .collect();
        assert!(!errors.is_empty(), "{name}");
        for error in errors {
            assert!(error.to_string().contains("volumes/"), "{error}");
        }
    }
    // behind the pixels, an element claims three gigabytes
    let path = data().join("found_by_fuzzing/claim_behind_the_pixels.dcm");
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("clean.dcm");
    let how = Deidentification {
        subject: "nobody".to_owned(),
        key: "key".to_owned(),
    };
    let report = deidentify(&path, &target, &how).unwrap();
    assert!(!report.removed.is_empty());
    let (before, after) = (read_scan(&path).unwrap(), read_scan(&target).unwrap());
    assert_eq!(before.stored(), after.stored());
}
