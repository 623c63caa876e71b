//! Shapes and words -> SVG text, with every string escaped.
//!
//! Colours come from classes (`templates/figure.css`), so one drawing serves light and dark pages.

use std::fmt::Write as _;

/// Where a text is anchored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// Starts at the point.
    Start,
    /// Centred on the point.
    Middle,
    /// Ends at the point.
    End,
}

impl Anchor {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// The inside of an SVG drawing under construction.
#[derive(Debug, Clone, Default)]
pub(super) struct Canvas {
    body: String,
}

impl Canvas {
    /// The elements drawn so far.
    pub(super) fn into_body(self) -> String {
        self.body
    }

    /// A straight line from `a` to `b`.
    pub(super) fn line(&mut self, a: (f64, f64), b: (f64, f64), class: &str) {
        self.push(format_args!(
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"{class}\"/>",
            num(a.0),
            num(a.1),
            num(b.0),
            num(b.1)
        ));
    }

    /// A rectangle styled by class.
    pub(super) fn rect(&mut self, at: (f64, f64), size: (f64, f64), class: &str) {
        self.push(format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" class=\"{class}\"/>",
            num(at.0),
            num(at.1),
            num(size.0),
            num(size.1)
        ));
    }

    /// A rectangle of one colour, without outline.
    pub(super) fn cell(&mut self, at: (f64, f64), size: (f64, f64), fill: &str) {
        self.push(format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{fill}\"/>",
            num(at.0),
            num(at.1),
            num(size.0),
            num(size.1)
        ));
    }

    /// A circle.
    pub(super) fn circle(&mut self, centre: (f64, f64), radius: f64, class: &str) {
        self.push(format_args!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" class=\"{class}\"/>",
            num(centre.0),
            num(centre.1),
            num(radius)
        ));
    }

    /// A diamond.
    pub(super) fn diamond(&mut self, (x, y): (f64, f64), radius: f64, class: &str) {
        let d = format!(
            "M{} {}L{} {}L{} {}L{} {}Z",
            num(x),
            num(y - radius),
            num(x + radius),
            num(y),
            num(x),
            num(y + radius),
            num(x - radius),
            num(y)
        );
        self.path(&d, class);
    }

    /// A path; `d` must come from numbers, never from a user.
    pub(super) fn path(&mut self, d: &str, class: &str) {
        self.push(format_args!("<path d=\"{d}\" class=\"{class}\"/>"));
    }

    /// A path moved to `at`; nothing where `d` is empty.
    pub(super) fn path_at(&mut self, at: (f64, f64), d: &str, class: &str) {
        if !d.is_empty() {
            self.push(format_args!(
                "<path transform=\"translate({} {})\" d=\"{d}\" class=\"{class}\"/>",
                num(at.0),
                num(at.1)
            ));
        }
    }

    /// A line of text.
    pub(super) fn text(&mut self, at: (f64, f64), anchor: Anchor, class: &str, text: &str) {
        self.push(format_args!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"{}\" class=\"{class}\">{}</text>",
            num(at.0),
            num(at.1),
            anchor.name(),
            escape(text)
        ));
    }

    /// A line of text in a colour of its own.
    pub(super) fn inked(&mut self, at: (f64, f64), class: &str, fill: &str, text: &str) {
        self.push(format_args!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" class=\"{class}\" style=\"fill:{fill}\">{}</text>",
            num(at.0),
            num(at.1),
            escape(text)
        ));
    }

    /// A line of text turned by `degrees` around its anchor.
    pub(super) fn turned(
        &mut self,
        at: (f64, f64),
        degrees: f64,
        anchor: Anchor,
        class: &str,
        text: &str,
    ) {
        self.push(format_args!(
            "<text transform=\"translate({} {}) rotate({})\" text-anchor=\"{}\" class=\"{class}\">{}</text>",
            num(at.0),
            num(at.1),
            num(degrees),
            anchor.name(),
            escape(text)
        ));
    }

    /// A picture given as a data URI.
    pub(super) fn image(&mut self, at: (f64, f64), size: (f64, f64), href: &str, alt: &str) {
        self.push(format_args!(
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" href=\"{}\"><title>{}</title></image>",
            num(at.0),
            num(at.1),
            num(size.0),
            num(size.1),
            escape(href),
            escape(alt)
        ));
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.body.write_fmt(element);
        self.body.push('\n');
    }
}

/// A drawing with its size and a sentence for those who cannot see it.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) body: String,
    pub(super) label: String,
}

impl Panel {
    /// Closes a canvas.
    pub(super) fn new(width: f64, height: f64, canvas: Canvas, label: String) -> Self {
        Self {
            width,
            height,
            body: canvas.into_body(),
            label,
        }
    }

    /// The `<svg>` element to put into a page that carries `figure.css`.
    pub(super) fn inline(&self) -> String {
        format!(
            "<svg class=\"f\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" aria-label=\"{}\">\n{}</svg>",
            escape(&self.label),
            self.body,
            w = num(self.width),
            h = num(self.height),
        )
    }
}

/// A coordinate with at most two decimals.
pub(super) fn num(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

/// Text safe in XML and HTML content and attributes.
///
/// Control characters, which XML 1.0 forbids, become U+FFFD.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' => safe.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// Estimated width of a text in the page's sans-serif font.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let units: f64 = text
        .chars()
        .map(|c| match c {
            'i' | 'l' | 'j' | '.' | ',' | ':' | '|' | '\'' | ' ' | 't' | 'f' | 'r' => 0.34,
            'm' | 'w' | 'M' | 'W' => 0.88,
            c if c.is_uppercase() => 0.68,
            c if c.is_ascii() => 0.57,
            _ => 0.62,
        })
        .sum();
    units * size
}

/// `text` cut to about `width`, with an ellipsis where it was cut.
pub(super) fn fitted(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if text_width(&kept, size) + size > width {
            break;
        }
    }
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut canvas = Canvas::default();
        canvas.text((0.0, 1.5), Anchor::Start, "t", "<b a=\"1\">&'\u{7}</b>");
        let body = canvas.into_body();
        assert!(body.contains("&lt;b a=&quot;1&quot;&gt;&amp;&#39;\u{fffd}&lt;/b&gt;"));
        assert!(!body.contains("<b"));
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(num(1.0), "1");
        assert_eq!(num(-0.001), "0");
        assert_eq!(num(10.256), "10.26");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(fitted("short", 10.0, 100.0), "short");
        assert!(fitted("a very long name of a scan", 10.0, 60.0).ends_with('…'));
    }
}
