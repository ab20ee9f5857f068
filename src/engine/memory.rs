//! What memory there is, and how it looks when there is no more.

use candle_core::Device;

use crate::base::machine;
use crate::model::ModelError;

/// Bytes that are free on the device; none where its driver does not say.
pub fn free_on(device: &Device) -> Option<u64> {
    match device {
        Device::Cpu => Some(machine::memory().available),
        #[cfg(feature = "cuda")]
        Device::Cuda(device) => device.cuda_stream().context().mem_get_info().ok().map(|(free, _)| free as u64),
        #[allow(unreachable_patterns)]
        _ => None,
    }
}

/// Whether a device had no memory left for what was computed. Drivers say so in words: candle keeps no kind of it.
pub fn is_exhausted(error: &ModelError) -> bool {
    /// CUDA's driver and its allocation in candle, cuBLAS, and Metal where it makes no buffer.
    const SIGNS: [&str; 4] = ["out of memory", "out_of_memory", "cublas_status_alloc_failed", "metal resource: buffer"];
    let ModelError::Compute(error) = error else { return false };
    let text = error.to_string().to_lowercase();
    SIGNS.iter().any(|sign| text.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Error;

    #[test]
    fn only_a_full_device_counts_as_exhausted() {
        let full = [
            r#"DriverError(CUDA_ERROR_OUT_OF_MEMORY, "out of memory")"#,
            "CublasError(CUBLAS_STATUS_ALLOC_FAILED)",
            "Metal error Failed to create metal resource: Buffer",
        ];
        for text in full {
            assert!(is_exhausted(&Error::Cuda(text.into()).into()), "{text}");
            assert!(is_exhausted(&Error::Cuda(text.into()).context("matmul").bt().into()), "{text} in its context");
        }
        for error in [
            Error::Msg("shape mismatch in matmul".to_owned()).into(),
            Error::Cuda(r#"DriverError(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure")"#.into()).into(),
            ModelError::unsupported("out of memory", "is the name of a model", "Nothing is wrong"),
            ModelError::Cancelled,
        ] {
            assert!(!is_exhausted(&error), "{error}");
        }
    }
}
