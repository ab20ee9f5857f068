//! Where a model runs and in which number format.

use candle_core::{DType, Device, utils};
use half::{bf16, f16};

use super::{DeviceChoice, Dtype, ModelError};

/// What matrices are multiplied in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compute {
    F32,
    Bf16,
    F16,
    /// Weights in blocks of eight bits, all else in f32.
    Q8_0,
}

impl Compute {
    /// Of a dtype that tensors have; what is no such dtype is f32.
    pub fn of(dtype: DType) -> Compute {
        match dtype {
            DType::BF16 => Compute::Bf16,
            DType::F16 => Compute::F16,
            _ => Compute::F32,
        }
    }

    /// Of tensors that candle computes with.
    pub fn dtype(self) -> DType {
        match self {
            Compute::F32 | Compute::Q8_0 => DType::F32,
            Compute::Bf16 => DType::BF16,
            Compute::F16 => DType::F16,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Compute::F32 => "f32",
            Compute::Bf16 => "bf16",
            Compute::F16 => "f16",
            Compute::Q8_0 => "q8_0",
        }
    }

    /// The nearest number that a tensor of this dtype holds.
    pub fn round(self, value: f32) -> f32 {
        match self {
            Compute::F32 | Compute::Q8_0 => value,
            Compute::Bf16 => bf16::from_f32(value).to_f32(),
            Compute::F16 => f16::from_f32(value).to_f32(),
        }
    }
}

/// Opens the device asked for.
///
/// `auto` takes a GPU where the program was built for one and the driver finds it, else the CPU. A GPU asked for by name
/// that cannot be had is an error: a run that silently took the CPU would be hours late.
pub fn open(choice: DeviceChoice) -> Result<Device, ModelError> {
    match choice {
        DeviceChoice::Cpu => Ok(Device::Cpu),
        DeviceChoice::Auto => Ok(best()),
        DeviceChoice::Cuda(ordinal) => {
            if !utils::cuda_is_available() {
                let problem = "this program was built without CUDA";
                return Err(ModelError::unsupported(
                    "--device cuda",
                    problem,
                    "Build it with --features cuda, or leave --device out",
                ));
            }
            let refuse = |error| driver_refuses("cuda", error);
            Device::new_cuda(ordinal).map_err(refuse)
        }
        DeviceChoice::Metal => {
            if !utils::metal_is_available() {
                let problem = "this program was built without Metal";
                return Err(ModelError::unsupported(
                    "--device metal",
                    problem,
                    "Build it with --features metal, or leave --device out",
                ));
            }
            let refuse = |error| driver_refuses("metal", error);
            Device::new_metal(0).map_err(refuse)
        }
    }
}

fn best() -> Device {
    let gpu = if utils::cuda_is_available() {
        Device::new_cuda(0)
    } else if utils::metal_is_available() {
        Device::new_metal(0)
    } else {
        return Device::Cpu;
    };
    // candle answers with an error, not with the CPU, where the driver finds no device.
    gpu.unwrap_or_else(|error| {
        tracing::warn!(%error, "no GPU could be opened; the CPU is used");
        Device::Cpu
    })
}

fn driver_refuses(name: &str, error: candle_core::Error) -> ModelError {
    // The first line is the cause; a backtrace may follow.
    let cause = error.to_string().lines().next().unwrap_or_default().to_owned();
    ModelError::unsupported(format!("--device {name}"), cause, "Check the driver and the device's number, or leave --device out")
}

/// `cpu`, `cuda:0`, `metal`.
pub fn name(device: &Device) -> String {
    match device.location() {
        candle_core::DeviceLocation::Cpu => "cpu".to_owned(),
        candle_core::DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        candle_core::DeviceLocation::Metal { .. } => "metal".to_owned(),
    }
}

/// What matrices are multiplied in. `f32_bytes` is what the weights take in f32, `machine_bytes` what memory the machine has.
///
/// `auto` is f32 on the CPU, the dtype whose scores need no second thought, and bf16 only where f32 would not fit the
/// machine. What other models happen to occupy does not enter: the same command must give the same scores. On a GPU it is
/// bf16, as the models were made, where supported. Fails where the device cannot do what was asked for.
pub fn compute(asked: Dtype, device: &Device, f32_bytes: u64, machine_bytes: u64) -> Result<Compute, ModelError> {
    Ok(match asked {
        Dtype::F32 => Compute::F32,
        Dtype::Bf16 => Compute::Bf16,
        Dtype::F16 => Compute::F16,
        Dtype::Q8_0 if device.is_cpu() => Compute::Q8_0,
        Dtype::Q8_0 => {
            let problem = format!("q8_0 is computed on the CPU alone, and the device is {}", name(device));
            return Err(ModelError::unsupported("--dtype q8_0", problem, "Add --device cpu, or take bf16"));
        }
        Dtype::Auto if device.is_cpu() => {
            // An eighth is left to the system and to activations.
            let fits = f32_bytes <= machine_bytes / 8 * 7;
            if fits { Compute::F32 } else { Compute::Bf16 }
        }
        Dtype::Auto => Compute::of(device.bf16_default_to_f32()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_f32_on_the_cpu_as_long_as_it_fits() {
        let dtype = |asked, bytes| compute(asked, &Device::Cpu, bytes, 800).unwrap();
        assert_eq!(dtype(Dtype::Auto, 700), Compute::F32);
        assert_eq!(dtype(Dtype::Auto, 701), Compute::Bf16);
        assert_eq!(dtype(Dtype::F32, 701), Compute::F32);
        assert_eq!(dtype(Dtype::F16, 1), Compute::F16);
        assert_eq!(dtype(Dtype::Q8_0, 1), Compute::Q8_0);
    }

    #[test]
    fn a_gpu_that_the_program_was_not_built_for_is_an_error() {
        if !utils::cuda_is_available() {
            let error = open(DeviceChoice::Cuda(0)).unwrap_err().to_string();
            assert!(error.contains("built without CUDA"), "{error}");
        }
        assert!(open(DeviceChoice::Auto).is_ok());
    }
}
