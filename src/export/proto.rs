//! The wire format of Protocol Buffers, as far as an ONNX file needs it: a message is a list of fields, each with its number,
//! its kind, and a number or bytes (protobuf.dev/programming-guides/encoding).

/// A message while it is written.
#[derive(Clone, Default)]
pub(super) struct Message(Vec<u8>);

/// The kinds of fields.
const VARINT: u64 = 0;
const BYTES: u64 = 2;
const FOUR_BYTES: u64 = 5;

impl Message {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Seven bits a byte, the lowest first; a byte that is not the last has its highest bit set.
    fn varint(&mut self, mut v: u64) {
        while v >= 0x80 {
            self.0.push(v as u8 | 0x80);
            v >>= 7;
        }
        self.0.push(v as u8);
    }

    fn tag(&mut self, field: u64, kind: u64) {
        self.varint(field << 3 | kind);
    }

    pub(super) fn int(mut self, field: u64, v: i64) -> Message {
        self.tag(field, VARINT);
        self.varint(v as u64);
        self
    }

    pub(super) fn ints(self, field: u64, list: impl IntoIterator<Item = i64>) -> Message {
        list.into_iter().fold(self, |message, v| message.int(field, v))
    }

    pub(super) fn float(mut self, field: u64, v: f32) -> Message {
        self.tag(field, FOUR_BYTES);
        self.0.extend(v.to_le_bytes());
        self
    }

    pub(super) fn bytes(mut self, field: u64, bytes: &[u8]) -> Message {
        self.tag(field, BYTES);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    pub(super) fn text(self, field: u64, text: &str) -> Message {
        self.bytes(field, text.as_bytes())
    }

    pub(super) fn message(self, field: u64, inner: &Message) -> Message {
        self.bytes(field, &inner.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_in_the_encoding_guide() {
        // Its examples: 150 in field 1, "testing" in field 2, that message in field 3; and -1 in ten bytes.
        assert_eq!(Message::default().int(1, 150).0, [0x08, 0x96, 0x01]);
        let text = Message::default().text(2, "testing");
        assert_eq!(text.0, [&[0x12, 0x07], &b"testing"[..]].concat());
        let inner = Message::default().int(1, 150);
        assert_eq!(Message::default().message(3, &inner).0, [0x1a, 0x03, 0x08, 0x96, 0x01]);
        let minus = Message::default().int(1, -1).0;
        assert_eq!((minus.len(), minus[1], minus[10]), (11, 0xff, 0x01));
        assert_eq!(Message::default().float(1, 1.0).0, [0x0d, 0, 0, 0x80, 0x3f]);
    }
}
