//! The name of a claim, by which its sender can ask for the answer again.

use crate::job_id::JobId;

/// The id of one claim, made by the worker before it sends the claim.
///
/// ```
/// use laneway_jobs::store::ClaimId;
///
/// let id = ClaimId::from_bytes([7; 16]);
/// assert_eq!(id.to_bytes(), [7; 16]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimId([u8; 16]);

impl ClaimId {
    /// The id in sixteen bytes, as stores keep it.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The id that [`to_bytes`](ClaimId::to_bytes) wrote.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> ClaimId {
        ClaimId(bytes)
    }

    /// Jobs' ids are made unique already; a claim takes the next one.
    pub(crate) fn new(next: JobId) -> ClaimId {
        ClaimId(next.to_bytes())
    }
}
