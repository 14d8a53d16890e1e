//! A CSV file of the directory as rows that keep the text they were written with: what is not changed stays byte for byte.

use std::collections::BTreeSet;

/// One row, with where it came from.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Trimmed, in the order of the table's columns.
    cells: Vec<String>,
    /// As it stands in the file, with the end of its line.
    text: String,
    /// Name of the file it was written in.
    pub(super) file: String,
    /// Its line there.
    pub(super) line: u64,
    /// The row it took the place of, to be put back if this one proves bad.
    replaces: Option<Box<Row>>,
}

impl Row {
    pub(super) fn cells(&self) -> &[String] {
        &self.cells
    }
}

/// A header and its rows.
#[derive(Debug, Clone)]
pub(super) struct Table {
    columns: Vec<String>,
    head: String,
    pub(super) rows: Vec<Row>,
}

impl Table {
    /// Any text is a table, if a poor one; an empty one gets `columns` as its header as soon as it has a row.
    pub(super) fn parse(file: &str, text: &str, columns: &[&str]) -> Self {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
        let owned = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<String>>();
        let header = reader.headers().map(owned).unwrap_or_default();
        let (mut starts, mut rows) = (Vec::new(), Vec::new());
        let mut record = csv::StringRecord::new();
        // Reading a text that is UTF-8 with rows of any length cannot fail.
        while reader.read_record(&mut record).unwrap_or(false) {
            let Some((start, line)) = record.position().map(|position| beginning(text, position)) else { break };
            starts.push(start);
            let file = file.to_owned();
            rows.push(Row { cells: owned(&record), text: String::new(), file, line, replaces: None });
        }
        starts.push(text.len());
        for (row, bounds) in rows.iter_mut().zip(starts.windows(2)) {
            text[bounds[0]..bounds[1]].clone_into(&mut row.text);
        }
        let head = text[..starts[0]].to_owned();
        if head.trim().is_empty() {
            let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
            return Self { head: written(&columns, false), columns, rows };
        }
        Self { columns: header, head, rows }
    }

    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The file's text; empty without rows if it was empty before.
    pub(super) fn text(&self) -> String {
        let mut text = self.head.clone();
        for row in &self.rows {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&row.text);
        }
        text
    }

    /// The lines of [`Self::text`] on which the rows begin, in order.
    pub(super) fn lines(&self) -> Vec<u64> {
        Self::parse("", &self.text(), &[]).rows.iter().map(|row| row.line).collect()
    }

    pub(super) fn cell<'a>(&self, row: &'a Row, column: &str) -> &'a str {
        let place = self.columns.iter().position(|name| name == column);
        place.and_then(|place| row.cells.get(place)).map_or("", String::as_str)
    }

    /// The place of the row whose `id` is this.
    pub(super) fn find(&self, id: &str) -> Option<usize> {
        self.rows.iter().position(|row| self.cell(row, "id") == id)
    }

    /// Replaces cells of a row; a row that has them already keeps its text.
    pub(super) fn set(&mut self, place: usize, cells: &[(&str, &str)]) {
        self.need(cells);
        let row = &self.rows[place];
        if cells.iter().all(|(column, value)| self.cell(row, column) == *value) {
            return;
        }
        let cells = self.filled(row.cells.clone(), cells);
        let text = written(&cells, self.is_crlf());
        let row = &mut self.rows[place];
        (row.cells, row.text) = (cells, text);
    }

    /// Adds a row at the end.
    pub(super) fn push(&mut self, cells: &[(&str, &str)], file: &str, line: u64) {
        self.need(cells);
        let cells = self.filled(Vec::new(), cells);
        let (text, file) = (written(&cells, self.is_crlf()), file.to_owned());
        self.rows.push(Row { cells, text, file, line, replaces: None });
    }

    /// As [`Self::set`], keeping the present row for [`Self::drop_row`] and saying where the new one came from.
    pub(super) fn replace(&mut self, place: usize, cells: &[(&str, &str)], file: &str, line: u64) {
        let before = self.rows[place].clone();
        self.set(place, cells);
        let row = &mut self.rows[place];
        if row.cells != before.cells {
            (row.file, row.line, row.replaces) = (file.to_owned(), line, Some(Box::new(before)));
        }
    }

    /// Takes a row out; one that had replaced another gives it its place back.
    pub(super) fn drop_row(&mut self, place: usize) {
        match self.rows[place].replaces.take() {
            Some(before) => self.rows[place] = *before,
            None => drop(self.rows.remove(place)),
        }
    }

    /// Adds the columns that a value is given for and the file does not have.
    fn need(&mut self, cells: &[(&str, &str)]) {
        let known: BTreeSet<&str> = self.columns.iter().map(String::as_str).collect();
        let missing = |(column, value): &&(&str, &str)| !value.is_empty() && !known.contains(column);
        let added: Vec<String> = cells.iter().filter(missing).map(|(column, _)| (*column).to_owned()).collect();
        if added.is_empty() {
            return;
        }
        self.columns.extend(added);
        let crlf = self.is_crlf();
        self.head = written(&self.columns, crlf);
        for row in &mut self.rows {
            row.cells.resize(self.columns.len(), String::new());
            row.text = written(&row.cells, crlf);
        }
    }

    fn is_crlf(&self) -> bool {
        self.head.ends_with("\r\n")
    }

    fn filled(&self, mut row: Vec<String>, cells: &[(&str, &str)]) -> Vec<String> {
        row.resize(self.columns.len(), String::new());
        for (cell, name) in row.iter_mut().zip(&self.columns) {
            if let Some((_, value)) = cells.iter().find(|(column, _)| column == name) {
                (*value).clone_into(cell);
            }
        }
        row
    }
}

/// Where a row begins, past the empty lines and the half of a line's end that the CSV reader counts to it; and its line.
pub(super) fn beginning(text: &str, position: &csv::Position) -> (usize, u64) {
    let start = usize::try_from(position.byte()).map_or(text.len(), |byte| byte.min(text.len()));
    let rest = text[start..].trim_start_matches(['\r', '\n']);
    let skipped = &text[start..text.len() - rest.len()];
    (start + skipped.len(), position.line() + skipped.matches('\n').count() as u64)
}

/// One line of CSV, with quotes where needed.
fn written(cells: &[String], crlf: bool) -> String {
    let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
    let mut writer = csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
    writer.write_record(cells).expect("writing to memory cannot fail");
    let bytes = writer.into_inner().expect("writing to memory cannot fail");
    String::from_utf8(bytes).expect("cells are UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "id, name ,note\r\na,\"Mairie, 19e\",\r\n\r\nb,\"deux\nlignes\",x\r\nc,fin,";

    #[test]
    fn what_is_not_changed_stays_byte_for_byte() {
        let mut table = Table::parse("f", TEXT, &[]);
        assert_eq!(table.text(), TEXT);
        assert_eq!(table.lines(), [2, 4, 6]);
        let b = table.find("b").unwrap();
        table.set(b, &[("note", "y, z")]);
        assert_eq!(table.text(), TEXT.replace("b,\"deux\nlignes\",x\r\n", "b,\"deux\nlignes\",\"y, z\"\r\n"));
        table.set(0, &[("name", "Mairie, 19e")]);
        assert!(table.text().contains("a,\"Mairie, 19e\",\r\n"), "an equal cell rewrites nothing");
        table.push(&[("note", "n"), ("id", "d")], "f", 9);
        assert!(table.text().ends_with("c,fin,\nd,,n\r\n"), "{}", table.text());
    }

    #[test]
    fn a_row_that_replaced_another_gives_its_place_back() {
        let mut table = Table::parse("f", "id,name\na,Un\n", &["id", "name"]);
        table.replace(0, &[("name", "Deux")], "import.csv", 7);
        assert_eq!((table.text().as_str(), table.rows[0].line), ("id,name\na,Deux\n", 7));
        table.drop_row(0);
        assert_eq!(table.text(), "id,name\na,Un\n");
        table.drop_row(0);
        assert_eq!(table.text(), "id,name\n");
    }

    #[test]
    fn a_missing_column_is_added_to_every_row_and_an_empty_file_gets_its_header() {
        let mut table = Table::parse("f", "id\na\n", &[]);
        table.push(&[("id", "b"), ("note", "n")], "f", 3);
        assert_eq!(table.text(), "id,note\na,\nb,n\n");
        let mut table = Table::parse("f", "", &["id", "note"]);
        table.push(&[("id", "b")], "f", 1);
        assert_eq!(table.text(), "id,note\nb,\n");
    }
}
