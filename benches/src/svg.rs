//! A picture of the table: how far the first peer is from each of the others, on a logarithmic scale.

use std::fmt::{self, Write};

use crate::{peers::PeerId, plan::Measured, rows::Better, stats::Summary, table::title};

/// Where the names end and the bars begin, and how wide the bars may be.
const LEFT: f64 = 250.0;
const WIDTH: f64 = 640.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 76.0;
const LINE: f64 = 18.0;
/// The scale goes by factors of ten over these powers; what lies beyond stands at its end.
const POWERS: (i32, i32) = (-2, 1);

/// Colours that stand on white and on black, one for each peer but the first.
const COLOURS: [&str; 8] =
    ["#d9822b", "#8a6fd1", "#2f9e76", "#3b8fd6", "#c2557f", "#8c8c2e", "#7a7f87", "#b0503c"];

const STYLE: &str = "\
.paper{fill:#ffffff}.ink{fill:#1f2328}.dim{fill:#656d76}.grid{stroke:#d0d7de}.one{stroke:#1f2328}
@media (prefers-color-scheme: dark){
.paper{fill:#0d1117}.ink{fill:#e6edf3}.dim{fill:#9198a1}.grid{stroke:#30363d}.one{stroke:#e6edf3}}
text{font-family:ui-sans-serif,system-ui,sans-serif;font-size:12px}
";

/// One picture of all metrics of `rows`.
pub(crate) fn document(rows: &[Measured]) -> String {
    let lines: Vec<Line> = rows.iter().flat_map(Line::of).collect();
    let peers = peers(&lines);
    let base = rows.first().map_or("", |measured| measured.peers[0].0.name());
    let height = TOP + LINE * lines.len() as f64 + 14.0;
    let mut svg = Svg::new(LEFT + WIDTH + RIGHT, height, &format!("{base} beside its peers"));
    legend(&mut svg, base, &peers);
    grid(&mut svg, height);
    for (index, line) in lines.iter().enumerate() {
        line.draw(&mut svg, TOP + LINE * (index as f64 + 0.5), &peers);
    }
    svg.finish()
}

/// One metric: for each other peer, how the first one's number relates to its.
struct Line {
    name: String,
    ratios: Vec<(PeerId, Summary)>,
}

impl Line {
    /// Metrics of which more is better are turned round, so that left is always ahead.
    fn of(measured: &Measured) -> impl Iterator<Item = Line> + '_ {
        measured.row.metrics.iter().enumerate().filter_map(|(index, metric)| {
            let others = measured.peers.iter().skip(1).map(|(peer, _)| *peer);
            let ratios: Vec<_> = others
                .filter_map(|peer| {
                    let ratio = measured.ratio(peer, index).filter(|ratio| ratio.low > 0.0)?;
                    let ratio =
                        if metric.better == Better::Higher { inverse(ratio) } else { ratio };
                    Some((peer, ratio))
                })
                .collect();
            (!ratios.is_empty()).then(|| Line { name: title(measured.row, metric), ratios })
        })
    }

    /// tokio, or whoever comes first, as a bar from 1; the others as dots. Lines are quartiles.
    fn draw(&self, svg: &mut Svg, y: f64, peers: &[PeerId]) {
        svg.text("ink", "end", LEFT - 10.0, y + 4.0, &self.name);
        for (peer, ratio) in &self.ratios {
            let colour = colour(*peer, peers);
            let middle = at(ratio.median);
            match *peer == peers[0] {
                true => svg.bar(colour, middle.min(at(1.0)), middle.max(at(1.0)), y),
                false => svg.dot(colour, middle, y, 3.5),
            }
            svg.stroke(colour, at(ratio.low), at(ratio.high), y);
        }
    }
}

fn inverse(ratio: Summary) -> Summary {
    Summary { median: 1.0 / ratio.median, low: 1.0 / ratio.high, high: 1.0 / ratio.low }
}

/// All peers of the lines, in the order in which they come.
fn peers(lines: &[Line]) -> Vec<PeerId> {
    let mut peers = Vec::new();
    for (peer, _) in lines.iter().flat_map(|line| &line.ratios) {
        if !peers.contains(peer) {
            peers.push(*peer);
        }
    }
    peers
}

fn colour(peer: PeerId, peers: &[PeerId]) -> &'static str {
    let index = peers.iter().position(|other| *other == peer).unwrap_or(0);
    COLOURS[index % COLOURS.len()]
}

/// Where a ratio stands.
fn at(ratio: f64) -> f64 {
    let (first, last) = (f64::from(POWERS.0), f64::from(POWERS.1));
    LEFT + WIDTH * (ratio.log10().clamp(first, last) - first) / (last - first)
}

fn legend(svg: &mut Svg, base: &str, peers: &[PeerId]) {
    let told = format!(
        "what {base} needs, as a part of what each peer needs: left of 1 {base} is ahead; \
         lines are quartiles"
    );
    svg.text("ink", "start", 14.0, 22.0, &told);
    let mut x = 14.0;
    for peer in peers {
        svg.dot(colour(*peer, peers), x + 5.0, 40.0, 4.5);
        svg.text("ink", "start", x + 14.0, 44.0, peer.name());
        x += 34.0 + 7.0 * peer.name().len() as f64;
    }
}

fn grid(svg: &mut Svg, height: f64) {
    for power in POWERS.0..=POWERS.1 {
        for step in [1.0, 2.0, 5.0] {
            let ratio = step * 10_f64.powi(power);
            if ratio > 10_f64.powi(POWERS.1) {
                continue;
            }
            let class = if ratio == 1.0 { "one" } else { "grid" };
            svg.upright(class, at(ratio), TOP - 4.0, height - 10.0);
            svg.text("dim", "middle", at(ratio), TOP - 8.0, &ratio.to_string());
        }
    }
}

/// A picture under way: elements, one a line.
struct Svg(String);

impl Svg {
    fn new(width: f64, height: f64, title: &str) -> Svg {
        Svg(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{title}</title>\n\
             <style>\n{STYLE}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n"
        ))
    }

    fn put(&mut self, element: fmt::Arguments<'_>) {
        writeln!(self.0, "{element}").expect("a String takes everything");
    }

    fn text(&mut self, class: &str, anchor: &str, x: f64, y: f64, text: &str) {
        self.put(format_args!(
            "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
        ));
    }

    fn bar(&mut self, colour: &str, from: f64, to: f64, y: f64) {
        let (top, width) = (y - 5.0, to - from);
        self.put(format_args!(
            "<rect x=\"{from:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"10\" \
             fill=\"{colour}\" fill-opacity=\"0.55\"/>"
        ));
    }

    fn dot(&mut self, colour: &str, x: f64, y: f64, radius: f64) {
        self.put(format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{colour}\"/>"
        ));
    }

    fn stroke(&mut self, colour: &str, from: f64, to: f64, y: f64) {
        self.put(format_args!(
            "<line x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" \
             stroke=\"{colour}\" stroke-width=\"1.5\"/>"
        ));
    }

    fn upright(&mut self, class: &str, x: f64, top: f64, bottom: f64) {
        self.put(format_args!(
            "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\"/>"
        ));
    }

    fn finish(self) -> String {
        self.0 + "</svg>\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(filch: f64, tokio: f64) -> Measured {
        let row = crate::rows::all().next().expect("there are rows");
        let sample = |x: f64| vec![vec![x, x]];
        Measured {
            row,
            peers: vec![(PeerId::Filch, sample(filch)), (PeerId::Tokio, sample(tokio))],
        }
    }

    #[test]
    fn a_factor_of_ten_is_a_third_of_the_width() {
        assert_eq!(at(0.01), LEFT);
        assert_eq!(at(10.0), LEFT + WIDTH);
        assert!((at(1.0) - at(0.1) - WIDTH / 3.0).abs() < 1e-9);
        assert_eq!(at(0.0001), at(0.01), "what lies beyond stands at the end");
    }

    #[test]
    fn each_metric_has_a_bar() {
        let svg = document(&[measured(1.0, 4.0), measured(3.0, 2.0)]);
        assert_eq!(svg.matches("fill-opacity").count(), 2);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        let opened = svg.matches("<text").count();
        assert_eq!(opened, svg.matches("</text>").count());
    }

    #[test]
    fn what_was_not_measured_has_none() {
        let svg = document(&[measured(1.0, f64::NAN)]);
        assert_eq!(svg.matches("fill-opacity").count(), 0);
    }
}
