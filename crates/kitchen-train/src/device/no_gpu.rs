//! What stands for GPUs where Kitchen is built without them.

use std::convert::Infallible;

use kitchen_types::ports::ClientError;

use super::OpenDevice;

/// There is none to lose.
pub(super) type Handle = Infallible;

/// Always an error, which says so.
pub(super) async fn open() -> Result<OpenDevice, ClientError> {
    Err(ClientError::NoDevice {
        device: "GPU".into(),
        reason: "this program was built without them".into(),
        remedy: "use `device=cpu`, or build it with the feature `gpu`".into(),
    })
}

/// Never called.
pub(super) fn destroy(handle: &Handle) -> bool {
    match *handle {}
}
