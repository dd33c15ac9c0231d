//! Ending a connection so that our last words are still read.
//!
//! A socket that is closed while bytes of the other side lie unread in it is reset by the kernel, and a reset throws
//! away what was sent before: somebody whose message was too long would see "connection reset" instead of the reason.
//! So the writing half is closed first, and what still comes is thrown away for a moment.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

/// What a connection runs over: TCP, or TLS over it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    /// Lets go at once. What the other side did not take is not to stay in the kernel for minutes.
    fn cut(self);
}

impl Stream for TcpStream {
    fn cut(self) {
        drop(self.set_zero_linger());
    }
}

impl<S: Stream> Stream for TlsStream<S> {
    fn cut(self) {
        self.into_inner().0.cut();
    }
}

impl<S: Stream> Stream for Box<S> {
    fn cut(self) {
        S::cut(*self);
    }
}

/// How long the other side has to read our last words and close its half. After that the socket is reset.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// Ends a connection after everything written has had its chance to arrive.
pub(crate) async fn hang_up(mut stream: impl Stream) {
    let read_to_end = async {
        stream.shutdown().await?;
        let mut waste = vec![0; 4096];
        while stream.read(&mut waste).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    // Neither an error nor impatience changes what happens now.
    drop(timeout(PATIENCE, read_to_end).await);
}
