//! Canonical names and raw numbers -> what a person reads.

/// Display name of a network.
pub fn network(name: &str) -> String {
    match name {
        "densenet121" => "DenseNet121",
        "resnet50" => "ResNet50",
        "inception_v3" => "Inception V3",
        "inception_v4" => "Inception V4",
        "inception_resnet_v2" => "Inception-ResNet V2",
        "vgg16" => "VGG16",
        "xception" => "Xception",
        other => return words(other),
    }
    .to_owned()
}

/// Display name of a CAM method.
pub(super) fn method(name: &str) -> String {
    match name {
        "cam" => "CAM",
        "grad_cam" => "Grad-CAM",
        "grad_cam_plus_plus" => "Grad-CAM++",
        "xgrad_cam" => "XGrad-CAM",
        "hires_cam" => "HiResCAM",
        "grad_cam_elementwise" => "Element-wise Grad-CAM",
        "layer_cam" => "Layer-CAM",
        "positive_grad_cam" => "Positive Grad-CAM",
        "score_cam" => "Score-CAM",
        "faster_score_cam" => "Faster Score-CAM",
        "smooth_grad_cam_plus_plus" => "Smooth Grad-CAM++",
        "ss_cam" => "SS-CAM",
        "is_cam" => "IS-CAM",
        "ablation_cam" => "Ablation-CAM",
        "recipro_cam" => "Recipro-CAM",
        "group_cam" => "Group-CAM",
        "eigen_cam" => "Eigen-CAM",
        "eigen_grad_cam" => "Eigen Grad-CAM",
        "full_grad" => "FullGrad",
        "random" => "Random map",
        other => return words(other),
    }
    .to_owned()
}

/// Display name of a treatment: a temperature gets its sign and unit, other names stay.
pub(super) fn treatment(name: &str) -> String {
    match celsius(name) {
        Some(degrees) => format!("{}\u{a0}°C", trimmed(degrees)),
        None if name.trim().is_empty() => "no treatment".to_owned(),
        None => words(name.trim()),
    }
}

/// The temperature a treatment is named after: `minus_5`, `-5`, `-5 °C`.
pub(super) fn celsius(name: &str) -> Option<f64> {
    let lower = name.trim().to_lowercase().replace(['_', ' '], "");
    let digits = lower
        .strip_prefix("minus")
        .map(|rest| format!("-{rest}"))
        .unwrap_or(lower)
        .replace('−', "-");
    let digits = digits
        .strip_suffix("°c")
        .or_else(|| digits.strip_suffix('c'))
        .unwrap_or(&digits);
    digits.parse().ok().filter(|d: &f64| d.is_finite())
}

/// A sentence or name with its first letter in upper case.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().collect::<String>() + letters.as_str(),
        None => String::new(),
    }
}

/// Display name of what a mask is compared with.
pub(super) fn reference(name: &str, synthetic: bool) -> String {
    match name {
        "truth" if synthetic => "the phantom’s known damage".to_owned(),
        "truth" => "the known damage".to_owned(),
        "supervised" => "the supervised patch network".to_owned(),
        other => words(other),
    }
}

/// Display name of a statistical test.
pub(super) fn test(name: &str) -> String {
    match name {
        "kruskal_wallis" => "Kruskal–Wallis",
        "shapiro_wilk" => "Shapiro–Wilk",
        "mann_whitney" | "mann_whitney_u" => "Mann–Whitney",
        "friedman" => "Friedman",
        "spearman" => "Spearman",
        "pearson" => "Pearson",
        "kendall" => "Kendall",
        "wilcoxon" | "wilcoxon_signed_rank" => "Wilcoxon signed-rank",
        other => return words(other),
    }
    .to_owned()
}

/// Display name of a part of the data.
pub(super) fn split(name: &str) -> String {
    match name {
        "train" => "Training".to_owned(),
        other => words(other),
    }
}

/// `snake_case` -> `Snake case`; anything with a capital or a blank stays as it is.
pub(super) fn words(name: &str) -> String {
    if name.chars().any(|c| c.is_uppercase() || c == ' ') {
        return name.to_owned();
    }
    capital(&name.replace('_', " "))
}

/// A number with a fixed count of decimals and a typographic minus; `-0.00` is `0.00`.
pub(super) fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// Two decimals, or a dash where there is no value.
pub(super) fn two(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |v| fixed(v, 2))
}

/// Up to four decimals without trailing zeros.
pub(super) fn trimmed(value: f64) -> String {
    let text = fixed(value, 4);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A share as a whole percentage.
pub(super) fn percent(share: f64) -> String {
    format!("{}\u{a0}%", fixed(100.0 * share, 0))
}

/// A p-value as text, never as zero.
pub(super) fn p_value(p: Option<f64>) -> String {
    match p {
        None => "–".to_owned(),
        Some(p) if p < 0.001 => "< 0.001".to_owned(),
        Some(p) => fixed(p, 3),
    }
}

/// Seconds as hours, minutes and seconds.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 10.0 {
        return format!("{} s", fixed(seconds, 1));
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}

/// Bytes as MiB or GiB.
pub(super) fn memory(bytes: u64) -> String {
    let mib = bytes as f64 / (1024.0 * 1024.0);
    if mib < 1024.0 {
        format!("{} MiB", fixed(mib, 0))
    } else {
        format!("{} GiB", fixed(mib / 1024.0, 2))
    }
}

/// `1 scan`, `2 scans`.
pub(super) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_readable() {
        assert_eq!(method("grad_cam_plus_plus"), "Grad-CAM++");
        assert_eq!(network("my_net"), "My net");
        assert_eq!(treatment("-5"), "−5\u{a0}°C");
        assert_eq!(treatment("minus_40"), "−40\u{a0}°C");
        assert_eq!(treatment("-20 °C"), "−20\u{a0}°C");
        assert_eq!(treatment("fresh"), "Fresh");
        assert_eq!(treatment("nan"), "Nan");
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(fixed(-0.001, 2), "0.00");
        assert_eq!(fixed(-0.5, 2), "−0.50");
        assert_eq!(trimmed(0.10), "0.1");
        assert_eq!(trimmed(20.0), "20");
        assert_eq!(p_value(Some(0.0)), "< 0.001");
        assert_eq!(duration(75.4), "1 min 15 s");
        assert_eq!(memory(3 << 29), "1.50 GiB");
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
