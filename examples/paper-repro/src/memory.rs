//! Peak resident memory of this process, stage by stage.

/// Starts a new measurement, where the system can forget the old peak (Linux).
pub fn reset_peak() {
    // writing 5 resets VmHWM (man 5 proc); where that is not possible the peak stays that of the whole run
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The largest resident memory since the last [`reset_peak`], in bytes; `None` where the system does not tell.
pub fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn peak_is_at_least_what_was_touched() {
        super::reset_peak();
        let block = std::hint::black_box(vec![1u8; 32 << 20]);
        assert!(super::peak_rss_bytes().unwrap() >= block.len() as u64);
    }
}
