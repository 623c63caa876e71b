//! Any bytes as a DICOM file to be de-identified: a copy that still reads, or a typed error. Corpus: as `read_dicom`.
#![no_main]

use std::io::Write;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (source, target) = (folder.path().join("a.dcm"), folder.path().join("b.dcm"));
    std::fs::File::create(&source).and_then(|mut f| f.write_all(data)).expect("written");
    let how = mri_io::Deidentification { subject: "nobody".to_owned(), key: "key".to_owned() };
    let done = mri_io::deidentify(&source, &target, &how);
    assert_eq!(done.is_ok(), target.exists());
    if let (Ok(_), Ok(before)) = (done, mri_io::read_scan(&source)) {
        let after = mri_io::read_scan(&target).expect("readable before, so readable after");
        assert_eq!(before.stored(), after.stored());
    }
});
