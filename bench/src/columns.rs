//! Tables for a terminal.

use crate::stats::median;

/// Lines with the first column to the left, the others to the right, each as wide as it must be.
pub(crate) fn align(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        for (column, cell) in line.iter().enumerate() {
            let width = widths[column];
            let cell =
                if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
            text.push_str(&cell);
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// A cell: the median [min..max].
pub(crate) fn range(mut values: Vec<f64>, digits: usize) -> String {
    values.sort_by(f64::total_cmp);
    let (Some(least), Some(most), Some(middle)) = (values.first(), values.last(), median(&values))
    else {
        return "–".to_owned();
    };
    format!("{middle:.digits$} [{least:.digits$}..{most:.digits$}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_is_as_wide_as_its_widest_cell() {
        let lines =
            [["", "µs"], ["server", "12.5"], ["x", "3"]].map(|l| l.map(str::to_owned).to_vec());
        assert_eq!(align(&lines), "          µs\nserver  12.5\nx          3\n");
    }
}
