//! A cursor over hostile XML: quick-xml pulls the events, this module keeps the limits.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::limits::{Limits, size_in_words};

/// Why reading stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What is wrong and what to do.
    pub(crate) message: String,
    /// Line, counted from 1.
    pub(crate) line: u32,
    /// An attack or a limit: nothing of the file is used. Otherwise the file is merely broken and
    /// what came before may be shown.
    pub(crate) hostile: bool,
}

/// What the cursor hands out; an empty element comes as a start and an end.
pub(crate) enum Node<'a> {
    /// An element begins.
    Start(Element<'a>),
    /// The innermost open element ends.
    End,
    /// Text, a resolved character reference or a CDATA section.
    Text(Cow<'a, str>),
    /// The document is over and every element was closed.
    Finish,
}

/// The start tag of an element.
pub(crate) struct Element<'a> {
    tag: BytesStart<'a>,
    offset: usize,
}

/// Reads nodes one by one and keeps count.
pub(crate) struct Cursor<'a> {
    reader: Reader<&'a [u8]>,
    source: &'a str,
    limits: Limits,
    open: u32,
    nodes: u64,
    empty_pending: bool,
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(source: &'a str, limits: Limits) -> Self {
        let mut reader = Reader::from_str(source);
        reader.config_mut().check_end_names = true;
        Self {
            reader,
            source,
            limits,
            open: 0,
            nodes: 0,
            empty_pending: false,
            offset: 0,
        }
    }

    /// Elements open at this point.
    pub(crate) fn depth(&self) -> u32 {
        self.open
    }

    /// The line of a byte offset, counted from 1.
    pub(crate) fn line_at(&self, offset: usize) -> u32 {
        let before = &self.source.as_bytes()[..offset.min(self.source.len())];
        let newlines = before.iter().filter(|byte| **byte == b'\n').count();
        u32::try_from(newlines + 1).unwrap_or(u32::MAX)
    }

    /// The next node.
    ///
    /// # Errors
    /// A [`Fault`] when the document is broken or goes past a limit.
    pub(crate) fn next(&mut self) -> Result<Node<'a>, Fault> {
        if self.empty_pending {
            self.empty_pending = false;
            self.open -= 1;
            return Ok(Node::End);
        }
        loop {
            self.offset = position(self.reader.buffer_position());
            let event = self.reader.read_event().map_err(|error| {
                self.broken(position(self.reader.error_position()), &error.to_string())
            })?;
            self.nodes += 1;
            if self.nodes > self.limits.nodes {
                return Err(self.hostile(format!(
                    "the document has more than {} nodes; split the report",
                    self.limits.nodes
                )));
            }
            match event {
                Event::Start(tag) => return self.open_element(tag, false),
                Event::Empty(tag) => return self.open_element(tag, true),
                Event::End(_) => {
                    self.open = self.open.saturating_sub(1);
                    return Ok(Node::End);
                }
                Event::Text(text) => return Ok(Node::Text(text.into_inner())),
                Event::CData(text) => return Ok(Node::Text(text.into_inner())),
                Event::GeneralRef(reference) => {
                    return self.resolve(&reference).map(Node::Text);
                }
                Event::DocType(text) => self.check_doctype(&text)?,
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof if self.open > 0 => {
                    let message = format!(
                        "the file ends with {} open element(s); the job may have been stopped \
                         while writing it",
                        self.open
                    );
                    return Err(self.broken(self.source.len(), &message));
                }
                Event::Eof => return Ok(Node::Finish),
            }
        }
    }

    /// A fault of the document at `offset`, not an attack.
    pub(crate) fn broken(&self, offset: usize, message: &str) -> Fault {
        Fault {
            message: message.to_owned(),
            line: self.line_at(offset),
            hostile: false,
        }
    }

    fn hostile(&self, message: String) -> Fault {
        Fault {
            message,
            line: self.line_at(self.offset),
            hostile: true,
        }
    }

    fn open_element(&mut self, tag: BytesStart<'a>, empty: bool) -> Result<Node<'a>, Fault> {
        self.open += 1;
        self.empty_pending = empty;
        if self.open > self.limits.depth {
            return Err(self.hostile(format!(
                "elements are nested more than {} deep",
                self.limits.depth
            )));
        }
        let element = Element {
            tag,
            offset: self.offset,
        };
        if element.tag.attributes_raw().len() > self.limits.attribute_bytes {
            let long = element
                .tag
                .attributes()
                .with_checks(false)
                .flatten()
                .any(|attribute| attribute.value.len() > self.limits.attribute_bytes);
            if long {
                return Err(self.hostile(format!(
                    "an attribute of <{}> is longer than {}",
                    element.name(),
                    size_in_words(self.limits.attribute_bytes)
                )));
            }
        }
        Ok(Node::Start(element))
    }

    fn resolve(&self, reference: &quick_xml::events::BytesRef<'_>) -> Result<Cow<'a, str>, Fault> {
        if reference.is_char_ref() {
            return match reference.resolve_char_ref() {
                Ok(Some(character)) => Ok(Cow::Owned(character.to_string())),
                Ok(None) | Err(_) => Err(self.broken(
                    self.offset,
                    &format!("`&{};` is not a character", shorten(reference)),
                )),
            };
        }
        match quick_xml::escape::resolve_predefined_entity(reference) {
            Some(text) => Ok(Cow::Borrowed(text)),
            None => Err(self.hostile(custom_entity(reference))),
        }
    }

    /// Accepts `<!DOCTYPE name SYSTEM "…">` unread and refuses declarations inside it.
    fn check_doctype(&self, text: &str) -> Result<(), Fault> {
        let mut quote = None;
        for character in text.chars() {
            match (quote, character) {
                (Some(open), _) if character == open => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(character),
                (None, '[') => {
                    return Err(self.hostile(
                        "the DOCTYPE declares entities or elements of its own (an internal \
                         subset), which is refused; write the report without them"
                            .to_owned(),
                    ));
                }
                (None, _) => {}
            }
        }
        Ok(())
    }
}

impl<'a> Element<'a> {
    /// Name without a namespace prefix.
    pub(crate) fn name(&self) -> &str {
        self.tag.local_name().into_inner()
    }

    /// Byte offset of the tag in the decoded text.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The value of an attribute, references resolved.
    ///
    /// # Errors
    /// A [`Fault`] when the tag or a reference in it is broken.
    pub(crate) fn attribute(
        &self,
        cursor: &Cursor<'_>,
        name: &str,
    ) -> Result<Option<Cow<'_, str>>, Fault> {
        self.attributes(cursor, [name]).map(|[value]| value)
    }

    /// The values of several attributes in one pass over the tag; of an attribute written twice,
    /// the first.
    ///
    /// # Errors
    /// A [`Fault`] when the tag or a reference in it is broken.
    pub(crate) fn attributes<const N: usize>(
        &self,
        cursor: &Cursor<'_>,
        names: [&str; N],
    ) -> Result<[Option<Cow<'_, str>>; N], Fault> {
        let mut values = [const { None }; N];
        for attribute in self.tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| {
                cursor.broken(
                    self.offset,
                    &format!("the tag <{}>: {error}", shorten(self.name())),
                )
            })?;
            let key = attribute.key.0;
            let Some(at) = names.iter().position(|name| *name == key) else {
                continue;
            };
            if values[at].is_none() {
                values[at] = Some(resolve_value(attribute.value, cursor, self.offset)?);
            }
        }
        Ok(values)
    }
}

fn resolve_value<'v>(
    value: Cow<'v, str>,
    cursor: &Cursor<'_>,
    offset: usize,
) -> Result<Cow<'v, str>, Fault> {
    if !value.contains('&') {
        return Ok(value);
    }
    let mut unknown = None;
    let resolved = quick_xml::escape::unescape_with(&value, |entity| {
        let known = quick_xml::escape::resolve_predefined_entity(entity);
        if known.is_none() {
            unknown = Some(custom_entity(entity));
        }
        known
    })
    .map(|text| text.into_owned());
    match (resolved, unknown) {
        (Ok(text), _) => Ok(Cow::Owned(text)),
        (Err(_), Some(message)) => Err(Fault {
            message,
            line: cursor.line_at(offset),
            hostile: true,
        }),
        (Err(error), None) => Err(cursor.broken(offset, &error.to_string())),
    }
}

fn custom_entity(name: &str) -> String {
    format!(
        "the custom entity `&{};` is refused; write the character itself",
        shorten(name)
    )
}

/// A name from the file, short enough for a message.
pub(crate) fn shorten(name: &str) -> String {
    const KEPT: usize = 60;
    if name.chars().count() <= KEPT {
        return name.to_owned();
    }
    name.chars().take(KEPT).chain(['…']).collect()
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
