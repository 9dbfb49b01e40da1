//! The numbers of curves, for other programs.

use std::fmt::Write;

use super::Curve;

/// The curves as comma-separated values (RFC 4180): a row for each point kept, which in long runs
/// stands for several steps.
pub fn csv(curves: &[Curve<'_>]) -> String {
    let mut text = String::from("curve,first_step,last_step,mean,min,max,count\r\n");
    for curve in curves {
        let name = quoted(&curve.name);
        for bucket in curve.points.buckets() {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "{name},{},{},{},{},{},{}\r\n",
                bucket.first,
                bucket.last,
                bucket.mean(),
                bucket.min,
                bucket.max,
                bucket.count
            );
        }
    }
    text
}

fn quoted(name: &str) -> String {
    // A spreadsheet would take a name that begins so for a formula.
    let is_formula = name.starts_with(['=', '+', '-', '@']);
    let guard = if is_formula { "'" } else { "" };
    if name.contains([',', '"', '\r', '\n']) {
        format!("\"{guard}{}\"", name.replace('"', "\"\""))
    } else {
        format!("{guard}{name}")
    }
}

#[cfg(test)]
mod tests {
    use kitchen_types::series::Series;

    use super::*;

    #[test]
    fn rows_are_points() {
        let mut series = Series::default();
        series.push(1, 2.5);
        series.push(2, f64::NAN);
        series.push(3, 1e-9);
        let curve = |name: &str| Curve {
            name: name.to_owned(),
            colour: 0,
            dashed: false,
            points: &series,
        };
        let text = csv(&[curve("train"), curve("a \"b\", c"), curve("=1+1")]);
        let expected = [
            "curve,first_step,last_step,mean,min,max,count",
            "train,1,1,2.5,2.5,2.5,1",
            "train,3,3,0.000000001,0.000000001,0.000000001,1",
            "\"a \"\"b\"\", c\",1,1,2.5,2.5,2.5,1",
            "\"a \"\"b\"\", c\",3,3,0.000000001,0.000000001,0.000000001,1",
            "'=1+1,1,1,2.5,2.5,2.5,1",
            "'=1+1,3,3,0.000000001,0.000000001,0.000000001,1",
        ];
        assert_eq!(text.split_terminator("\r\n").collect::<Vec<_>>(), expected);
        assert_eq!(csv(&[]).lines().count(), 1);
    }

    #[test]
    fn long_runs_write_what_they_keep() {
        let mut series = Series::default();
        for step in 1..=5000 {
            series.push(step, 0.5);
        }
        let curve = Curve {
            name: "train".to_owned(),
            colour: 0,
            dashed: false,
            points: &series,
        };
        let text = csv(&[curve]);
        // Buckets of four: 1 to 3, then 4 to 7.
        assert!(text.contains("\r\ntrain,1,3,0.5,0.5,0.5,3\r\ntrain,4,7,0.5,0.5,0.5,4\r\n"));
    }
}
