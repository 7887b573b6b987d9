//! Messages on a socket: a length of four bytes, then JSON.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// An environment of some thousand variables fits; a confused peer does not fill the memory.
const MAX_BYTES: u32 = 64 * 1024 * 1024;

/// Sends a message.
pub(super) fn write<T: Serialize>(mut socket: &UnixStream, message: &T) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    let length = u32::try_from(text.len())
        .ok()
        .filter(|length| *length <= MAX_BYTES)
        .ok_or_else(|| io::Error::other("the message to the job's cage is too long"))?;
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend(text);
    socket.write_all(&bytes)
}

/// The next message; `None` when the other side has closed.
pub(super) fn read<T: DeserializeOwned>(mut socket: &UnixStream) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match socket.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes(length);
    if length > MAX_BYTES {
        return Err(io::Error::other("a message of the job's cage is too long"));
    }
    let mut text = Vec::new();
    socket.take(u64::from(length)).read_to_end(&mut text)?;
    Ok(Some(serde_json::from_slice(&text)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_one_by_one_until_the_end() {
        let (left, right) = UnixStream::pair().unwrap();
        write(&left, &"one").unwrap();
        write(&left, &vec![2, 3]).unwrap();
        drop(left);
        assert_eq!(read::<String>(&right).unwrap().unwrap(), "one");
        assert_eq!(read::<Vec<u8>>(&right).unwrap().unwrap(), [2, 3]);
        assert!(read::<String>(&right).unwrap().is_none());
    }

    #[test]
    fn a_message_longer_than_any_of_ours_is_refused() {
        let (mut left, right) = UnixStream::pair().unwrap();
        left.write_all(&u32::MAX.to_le_bytes()).unwrap();
        assert!(read::<String>(&right).is_err());
    }
}
