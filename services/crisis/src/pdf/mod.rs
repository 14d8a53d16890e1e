//! The feedback on paper: blocks set on A4 pages, tagged so that a screen reader follows headings and tables.
//!
//! The fonts are two of those every PDF reader has (Helvetica and its bold, in the Windows Latin encoding, which holds
//! every French letter), so that no font file is shipped.

mod tags;

use pdf_writer::{
    Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr,
    types::{StructRole, TabOrder},
};
use vigie_domain::{account::Block, crisis::mark};
use vigie_proto::Nature;

use tags::{DOCUMENT, Tags};

const PAGE: (f32, f32) = (595.0, 842.0);
const MARGIN: f32 = 50.0;
const WIDTH: f32 = PAGE.0 - 2.0 * MARGIN;
/// Space between the cells of a table.
const GUTTER: f32 = 10.0;
const REGULAR: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");
const TABLE_SIZE: f32 = 9.0;
/// Marks what a screen reader leaves out.
const ARTIFACT: Name<'static> = Name(b"Artifact");

/// A PDF of `blocks`; `reference` and the mark of an exercise stand on every page.
pub(crate) fn document(blocks: &[Block], reference: &str, nature: Nature) -> Vec<u8> {
    let mut setter = Setter { pages: Vec::new(), content: Content::new(), y: PAGE.1 - MARGIN, tags: Tags::new() };
    for block in blocks {
        match block {
            Block::Title(text) => setter.text(text, StructRole::H1, 17.0, 10.0),
            Block::Heading(text) => setter.heading(text),
            Block::Paragraph(text) => setter.text(text, StructRole::P, 10.0, 6.0),
            Block::Table { header, rows } => setter.table(header, rows),
        }
    }
    setter.turn();
    bind(setter.pages, &setter.tags, &format!("{}{reference}", mark(nature)))
}

/// Sets lines from top to bottom, page after page.
struct Setter {
    pages: Vec<Content>,
    content: Content,
    y: f32,
    tags: Tags,
}

impl Setter {
    /// Begins another page.
    fn turn(&mut self) {
        self.pages.push(std::mem::replace(&mut self.content, Content::new()));
        self.y = PAGE.1 - MARGIN;
    }

    /// Turns the page unless `height` is left on this one.
    fn need(&mut self, height: f32) -> bool {
        let turned = self.y - height < MARGIN;
        if turned {
            self.turn();
        }
        turned
    }

    fn heading(&mut self, text: &str) {
        // A heading is never the last line of a page.
        self.need(60.0);
        self.y -= 8.0;
        self.text(text, StructRole::H2, 12.0, 4.0);
    }

    fn text(&mut self, text: &str, role: StructRole, size: f32, after: f32) {
        let font = if role == StructRole::P { REGULAR } else { BOLD };
        let element = self.tags.add(role, DOCUMENT);
        for line in wrap(text, font, size, WIDTH) {
            self.need(size * 1.3);
            self.y -= size * 1.3;
            self.put(&line, font, size, (MARGIN, self.y), Some(element));
        }
        self.y -= after;
    }

    fn table(&mut self, header: &[String], rows: &[Vec<String>]) {
        let columns = columns(header, rows);
        let table = self.tags.add(StructRole::Table, DOCUMENT);
        self.row(header, StructRole::TH, Some(table), &columns);
        self.rule(0.75);
        for row in rows {
            if self.need(row_height(row, REGULAR, &columns)) {
                // Said once: what stands again on the next page is for the eyes.
                self.row(header, StructRole::TH, None, &columns);
                self.rule(0.75);
            }
            self.row(row, StructRole::TD, Some(table), &columns);
            self.rule(0.15);
        }
        self.y -= 6.0;
    }

    fn row(&mut self, cells: &[String], role: StructRole, table: Option<usize>, columns: &[f32]) {
        let font = if role == StructRole::TH { BOLD } else { REGULAR };
        let (top, mut x) = (self.y, MARGIN);
        let row = table.map(|table| self.tags.add(StructRole::TR, table));
        for (cell, width) in cells.iter().zip(columns) {
            let element = row.map(|row| self.tags.add(role, row));
            let mut y = top;
            for line in wrap(cell, font, TABLE_SIZE, *width) {
                y -= TABLE_SIZE * 1.25;
                self.put(&line, font, TABLE_SIZE, (x, y), element);
            }
            x += width + GUTTER;
        }
        self.y = top - row_height(cells, font, columns);
    }

    fn rule(&mut self, width: f32) {
        self.content.begin_marked_content(ARTIFACT).set_line_width(width);
        self.content.move_to(MARGIN, self.y).line_to(PAGE.0 - MARGIN, self.y).stroke().end_marked_content();
        self.y -= 2.0;
    }

    /// A line of an element; one that is only for the eyes is none's.
    fn put(&mut self, line: &str, font: Name<'_>, size: f32, (x, y): (f32, f32), element: Option<usize>) {
        if let Some(element) = element {
            let mark = self.tags.mark(element, self.pages.len());
            let role = self.tags.role(element).to_name();
            self.content.begin_marked_content_with_properties(role).properties().identify(mark);
        } else {
            self.content.begin_marked_content(ARTIFACT);
        }
        self.content.begin_text().set_font(font, size).next_line(x, y).show(Str(&latin(line))).end_text();
        self.content.end_marked_content();
    }
}

fn row_height(cells: &[String], font: Name<'_>, columns: &[f32]) -> f32 {
    let lines = cells.iter().zip(columns).map(|(cell, width)| wrap(cell, font, TABLE_SIZE, *width).len()).max();
    TABLE_SIZE * 1.25 * f32::from(u16::try_from(lines.unwrap_or(1)).unwrap_or(u16::MAX)) + 3.0
}

/// A width for each column: what its longest cell needs, all narrowed alike when the page is too narrow.
fn columns(header: &[String], rows: &[Vec<String>]) -> Vec<f32> {
    let needed = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell, REGULAR, TABLE_SIZE));
        cells.chain(header.get(column).map(|h| width(h, BOLD, TABLE_SIZE))).fold(30.0, f32::max)
    };
    let needed: Vec<f32> = (0..header.len()).map(needed).collect();
    let gutters = GUTTER * f32::from(u16::try_from(needed.len().saturating_sub(1)).unwrap_or(0));
    let (available, total) = (WIDTH - gutters, needed.iter().sum::<f32>());
    if total <= available {
        return needed;
    }
    // Short columns keep what they need: a date is not broken for a sentence's sake.
    let short = |w: &f32| *w <= available / 4.0;
    let kept: f32 = needed.iter().filter(|w| short(w)).sum();
    let factor = (available - kept) / (total - kept);
    needed.iter().map(|w| if short(w) { *w } else { w * factor }).collect()
}

/// Lines of at most `limit` points; a word longer than that is broken.
fn wrap(text: &str, font: Name<'_>, size: f32, limit: f32) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_whitespace() {
        let joined = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if width(&joined, font, size) <= limit {
            line = joined;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            line.push(c);
            if width(&line, font, size) > limit && line.chars().count() > 1 {
                line.pop();
                lines.push(std::mem::replace(&mut line, c.to_string()));
            }
        }
    }
    lines.push(line);
    lines
}

/// Puts the pages together, each with its foot, and says what is what on them.
fn bind(pages: Vec<Content>, tags: &Tags, foot: &str) -> Vec<u8> {
    let mut pdf = Pdf::new();
    let mut next = 0;
    let mut fresh = || {
        next += 1;
        Ref::new(next)
    };
    let (catalog, tree, regular, bold, info, root) = (fresh(), fresh(), fresh(), fresh(), fresh(), fresh());
    pdf.document_info(info).title(TextStr(&format!("Retour d'expérience {foot}"))).creator(TextStr("Vigie"));
    let sheets: Vec<(Ref, Ref, Content)> = pages.into_iter().map(|page| (fresh(), fresh(), page)).collect();
    let count = i32::try_from(sheets.len()).unwrap_or(i32::MAX);
    let numbers: Vec<Ref> = sheets.iter().map(|(page, ..)| *page).collect();
    let (document, lists) = tags.write(&mut pdf, &numbers, root, &mut fresh);
    let mut structure = pdf.indirect(root).start::<pdf_writer::writers::StructTreeRoot<'_>>();
    structure.child(document);
    let mut parents = structure.parent_tree();
    let mut by_page = parents.nums();
    for (page, list) in (0..).zip(&lists) {
        by_page.insert(page, *list);
    }
    by_page.finish();
    parents.finish();
    structure.finish();
    let mut head = pdf.catalog(catalog);
    head.pages(tree).lang(TextStr("fr-FR")).pair(Name(b"StructTreeRoot"), root);
    head.mark_info().marked(true);
    head.viewer_preferences().display_doc_title(true);
    head.finish();
    pdf.pages(tree).kids(sheets.iter().map(|(page, ..)| *page)).count(count);
    for (number, (page, content, mut lines)) in sheets.into_iter().enumerate() {
        let text = format!("{foot} – page {} sur {count} – document interne", number + 1);
        lines.begin_marked_content(ARTIFACT);
        lines.begin_text().set_font(REGULAR, 8.0).next_line(MARGIN, MARGIN / 2.0).show(Str(&latin(&text))).end_text();
        lines.end_marked_content();
        let mut sheet = pdf.page(page);
        sheet.media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).parent(tree).contents(content);
        sheet.struct_parents(i32::try_from(number).unwrap_or(i32::MAX)).tab_order(TabOrder::StructureOrder);
        sheet.resources().fonts().pair(REGULAR, regular).pair(BOLD, bold);
        sheet.finish();
        pdf.stream(content, &lines.finish());
    }
    for (font, name) in [(regular, &b"Helvetica"[..]), (bold, b"Helvetica-Bold")] {
        pdf.type1_font(font).base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    pdf.finish()
}

/// Windows Latin; what it does not hold becomes a question mark.
fn latin(text: &str) -> Vec<u8> {
    let byte = |c: char| match c {
        '€' => 0x80,
        '…' => 0x85,
        'Œ' => 0x8c,
        '‘' => 0x91,
        '’' => 0x92,
        '“' => 0x93,
        '”' => 0x94,
        '•' => 0x95,
        '–' => 0x96,
        '—' => 0x97,
        'œ' => 0x9c,
        '\u{202f}' => 0xa0,
        c => u8::try_from(u32::from(c)).ok().filter(|b| matches!(b, 0x20..=0x7e | 0xa0..=0xff)).unwrap_or(b'?'),
    };
    text.chars().map(byte).collect()
}

/// Advance widths of Helvetica from space to tilde, thousandths of the size (Adobe font metrics, core 14 fonts).
const ADVANCES: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
];

/// How wide `text` is, points. Bold is taken a tenth wider than it is at most, so that nothing overflows.
fn width(text: &str, font: Name<'_>, size: f32) -> f32 {
    let thousandths: f32 = text.chars().map(|c| f32::from(advance(c))).sum();
    thousandths / 1000.0 * size * if font == BOLD { 1.1 } else { 1.0 }
}

fn advance(c: char) -> u16 {
    // An accent does not make a letter wider.
    let plain = match c {
        'À'..='Å' => 'A',
        'Ç' => 'C',
        'È'..='Ë' => 'E',
        'Ì'..='Ï' | 'ì'..='ï' => 'I',
        'Ñ' => 'N',
        'Ò'..='Ö' => 'O',
        'Ù'..='Ü' => 'U',
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ñ' => 'n',
        'ò'..='ö' => 'o',
        'ù'..='ü' => 'u',
        'ÿ' => 'y',
        '\u{a0}' | '\u{202f}' => ' ',
        '‘' | '’' => '\'',
        '…' | '—' | 'Œ' | 'œ' => '@',
        other => other,
    };
    let position = u32::from(plain).checked_sub(0x20).and_then(|offset| usize::try_from(offset).ok());
    position.and_then(|offset| ADVANCES.get(offset)).copied().unwrap_or(600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_its_column_and_no_word_is_lost() {
        let text =
            "Préfecture de Police, évaluation à chaud : « œuvre » et incommensurablementlongmotsansfin ".repeat(9);
        let lines = wrap(&text, REGULAR, 10.0, 120.0);
        assert!(lines.iter().all(|line| width(line, REGULAR, 10.0) <= 120.0), "{lines:?}");
        let squeezed = |text: &str| text.replace(char::is_whitespace, "");
        assert_eq!(squeezed(&lines.concat()), squeezed(&text));
    }

    #[test]
    fn french_letters_have_their_place_in_the_encoding() {
        assert_eq!(latin("éàçœÉ’–€«»"), [0xe9, 0xe0, 0xe7, 0x9c, 0xc9, 0x92, 0x96, 0x80, 0xab, 0xbb]);
        assert!(!latin("ÀÂÄÇÉÈÊËÎÏÔÖÙÛÜŒàâäçéèêëîïôöùûüœ«»’…–").contains(&b'?'));
    }

    #[test]
    fn a_long_table_goes_on_on_the_next_page_under_its_header() {
        let rows = vec![vec!["10:00".to_owned(), "Événement ouvert".to_owned()]; 200];
        let blocks = [Block::Table { header: vec!["Heure".to_owned(), "Fait".to_owned()], rows }];
        let document = document(&blocks, "C-1", Nature::Exercise);
        let count = |what: &[u8]| document.windows(what.len()).filter(|window| *window == what).count();
        assert!(count(b"/Type /Page\n") > 2);
        assert_eq!(count(b"(Heure)"), count(b"/Type /Page\n"));
        // A text with a letter beyond ASCII is written in hexadecimal: this is « EXERCICE ».
        assert_eq!(count(b"<4558455243494345"), count(b"/Type /Page\n"));
        // The header is told once, and every row is one.
        assert_eq!((count(b"/S /TH"), count(b"/S /TR")), (2, 201));
        assert_eq!(count(b"/StructTreeRoot"), 2, "the catalog and the tree itself");
    }
}
