//! What the marks on the pages mean: headings, paragraphs, tables, in reading order (tagged PDF, ISO 32000-1, 14.8).

use pdf_writer::{
    Pdf, Ref,
    types::{StructRole, TableHeaderScope},
};

/// One element of the document.
struct Element {
    role: StructRole,
    parent: usize,
    /// Page and mark of each line of it, in order.
    marks: Vec<(usize, i32)>,
    /// Elements inside it, in order.
    inner: Vec<usize>,
}

/// The elements in reading order, the document first.
pub(super) struct Tags {
    elements: Vec<Element>,
    /// Elements by mark, for each page.
    pages: Vec<Vec<usize>>,
}

/// The whole document.
pub(super) const DOCUMENT: usize = 0;

impl Tags {
    pub(super) fn new() -> Self {
        let document = Element { role: StructRole::Document, parent: DOCUMENT, marks: Vec::new(), inner: Vec::new() };
        Self { elements: vec![document], pages: Vec::new() }
    }

    /// One more element inside `parent`.
    pub(super) fn add(&mut self, role: StructRole, parent: usize) -> usize {
        let element = self.elements.len();
        self.elements[parent].inner.push(element);
        self.elements.push(Element { role, parent, marks: Vec::new(), inner: Vec::new() });
        element
    }

    pub(super) fn role(&self, element: usize) -> StructRole {
        self.elements[element].role
    }

    /// The next mark on a page; it is a line of `element`.
    pub(super) fn mark(&mut self, element: usize, page: usize) -> i32 {
        while self.pages.len() <= page {
            self.pages.push(Vec::new());
        }
        let mark = i32::try_from(self.pages[page].len()).unwrap_or(i32::MAX);
        self.pages[page].push(element);
        self.elements[element].marks.push((page, mark));
        mark
    }

    /// Writes the elements; `sheets` are the pages, `fresh` gives free numbers. Returns the document's number, and for
    /// each page the number of the list of its elements.
    pub(super) fn write(
        &self,
        pdf: &mut Pdf,
        sheets: &[Ref],
        root: Ref,
        mut fresh: impl FnMut() -> Ref,
    ) -> (Ref, Vec<Ref>) {
        let ids: Vec<Ref> = self.elements.iter().map(|_| fresh()).collect();
        for (position, element) in self.elements.iter().enumerate() {
            let mut writer = pdf.struct_element(ids[position]);
            writer.kind(element.role);
            writer.parent(if position == DOCUMENT { root } else { ids[element.parent] });
            if element.role == StructRole::TH {
                writer.attributes().push().table().scope(TableHeaderScope::Column);
            }
            let mut children = writer.children();
            for (page, mark) in &element.marks {
                children.marked_content_ref().page(sheets[*page]).marked_content_id(*mark);
            }
            for inner in &element.inner {
                children.struct_element(ids[*inner]);
            }
        }
        let lists = self.pages.iter().map(|elements| {
            let list = fresh();
            pdf.indirect(list).array().items(elements.iter().map(|element| ids[*element]));
            list
        });
        let lists = lists.collect();
        (ids[DOCUMENT], lists)
    }
}
