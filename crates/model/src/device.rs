//! Where a model runs and in which number format.

use std::fmt;
use std::str::FromStr;

use candle_core::{DType, Device, utils};
use half::{bf16, f16};

use super::error::cause;
use super::{DeviceChoice, Dtype, ModelError};
use rewardscope_base::remedy::Remedy;
use rewardscope_base::text;
use rewardscope_kernels::{Element, Kernel};

/// What matrices are multiplied in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compute {
    /// Single precision.
    F32,
    /// Half precision with the range of f32.
    Bf16,
    /// Half precision of IEEE 754.
    F16,
    /// Weights in blocks of eight bits, all else in f32.
    Q8_0,
}

impl fmt::Display for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Dtype::from(*self).fmt(f)
    }
}

impl FromStr for Compute {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Compute::F32, Compute::Bf16, Compute::F16, Compute::Q8_0].into_iter().find(|dtype| dtype.to_string() == text).ok_or(())
    }
}

/// What has to be asked for to compute in it.
impl From<Compute> for Dtype {
    fn from(compute: Compute) -> Self {
        match compute {
            Compute::F32 => Dtype::F32,
            Compute::Bf16 => Dtype::Bf16,
            Compute::F16 => Dtype::F16,
            Compute::Q8_0 => Dtype::Q8_0,
        }
    }
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
                    Remedy::Device.with("cuda"),
                    problem,
                    format!("Build it with the Cargo feature cuda, or leave {} out", Remedy::Device),
                ));
            }
            let refuse = |error| driver_refuses("cuda", error);
            Device::new_cuda(ordinal).map_err(refuse)
        }
        DeviceChoice::Metal => {
            if !utils::metal_is_available() {
                let problem = "this program was built without Metal";
                return Err(ModelError::unsupported(
                    Remedy::Device.with("metal"),
                    problem,
                    format!("Build it with the Cargo feature metal, or leave {} out", Remedy::Device),
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
        tracing::warn!(error = cause(&error), "no GPU could be opened; the CPU is used");
        Device::Cpu
    })
}

fn driver_refuses(name: &str, error: candle_core::Error) -> ModelError {
    ModelError::unsupported(
        Remedy::Device.with(name),
        cause(&error),
        format!("Check the driver and the device's number, or leave {} out", Remedy::Device),
    )
}

/// A device by what this machine calls it: `cpu`, `cuda:0`, `metal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceName {
    /// The CPU.
    Cpu,
    /// With its number, from 0.
    Cuda(usize),
    /// The GPU of a Mac.
    Metal,
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceName::Cpu => f.write_str("cpu"),
            DeviceName::Cuda(number) => write!(f, "cuda:{number}"),
            DeviceName::Metal => f.write_str("metal"),
        }
    }
}

impl FromStr for DeviceName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "cpu" => Ok(DeviceName::Cpu),
            "metal" => Ok(DeviceName::Metal),
            _ => text.strip_prefix("cuda:").and_then(|number| number.parse().ok()).map(DeviceName::Cuda).ok_or(()),
        }
    }
}

/// What a device is called.
pub fn name(device: &Device) -> DeviceName {
    match device.location() {
        candle_core::DeviceLocation::Cpu => DeviceName::Cpu,
        candle_core::DeviceLocation::Cuda { gpu_id } => DeviceName::Cuda(gpu_id),
        candle_core::DeviceLocation::Metal { .. } => DeviceName::Metal,
    }
}

/// What kind of device it is, as far as that decides the last bits of a score: the CPU, of which the kernel's name says more,
/// or a kind of GPU with its model, `cuda NVIDIA H100 PCIe`, `metal applegpu_g14d`. Which of several it is does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceClass {
    /// The CPU.
    Cpu,
    /// A GPU of NVIDIA, by its model.
    Cuda(String),
    /// A GPU of Apple, by its architecture.
    Metal(String),
}

impl fmt::Display for DeviceClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceClass::Cpu => f.write_str("cpu"),
            DeviceClass::Cuda(model) => write!(f, "cuda {model}"),
            DeviceClass::Metal(model) => write!(f, "metal {model}"),
        }
    }
}

impl FromStr for DeviceClass {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once(' ') {
            None if text == "cpu" => Ok(DeviceClass::Cpu),
            Some(("cuda", model)) => Ok(DeviceClass::Cuda(model.to_owned())),
            Some(("metal", model)) => Ok(DeviceClass::Metal(model.to_owned())),
            _ => Err(()),
        }
    }
}

/// The class of a device.
pub fn class(device: &Device) -> DeviceClass {
    match device {
        Device::Cpu => DeviceClass::Cpu,
        #[cfg(feature = "cuda")]
        Device::Cuda(device) => DeviceClass::Cuda(device.cuda_stream().context().name().unwrap_or_default()),
        #[cfg(not(feature = "cuda"))]
        Device::Cuda(_) => DeviceClass::Cuda(String::new()),
        #[cfg(feature = "metal")]
        Device::Metal(device) => DeviceClass::Metal(device.metal_device().architecture_name()),
        #[cfg(not(feature = "metal"))]
        Device::Metal(_) => DeviceClass::Metal(String::new()),
    }
}

/// What matrices are multiplied in, and in one sentence why it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The dtype.
    pub compute: Compute,
    /// Why, in one sentence.
    pub reason: String,
}

/// For an architecture that candle-transformers computes: its code makes rotations in the dtype of the weights, where transformers
/// takes f32 for them, and was compared with transformers in f32 alone.
///
/// # Errors
/// Where another dtype was asked for.
pub fn choose_f32(architecture: &str, asked: Dtype) -> Result<Chosen, ModelError> {
    match asked {
        Dtype::Auto | Dtype::F32 => {
            Ok(Chosen { compute: Compute::F32, reason: "f32, in which candle's code was compared with transformers".to_owned() })
        }
        other => {
            let problem =
                format!("is computed by candle's code, which was compared with transformers in f32 alone, not in {other}");
            Err(ModelError::unsupported(architecture, problem, format!("Leave {} out", Remedy::Dtype)))
        }
    }
}

/// What matrices are multiplied in. `f32_bytes` is what the weights take in f32, `machine_bytes` what memory the machine has.
///
/// `auto` is f32 on the CPU where that fits the machine, for it is the most exact, else bf16. What other models happen to
/// occupy does not enter: the same command must give the same scores. On a GPU it is bf16, as the models were made, where
/// supported. Fails where the device cannot do what was asked for.
pub fn choose(asked: Dtype, device: &Device, f32_bytes: u64, machine_bytes: u64) -> Result<Chosen, ModelError> {
    let explicit = |compute: Compute| Chosen { compute, reason: format!("{} was asked for", compute) };
    Ok(match asked {
        Dtype::F32 => explicit(Compute::F32),
        Dtype::Bf16 => explicit(Compute::Bf16),
        Dtype::F16 => explicit(Compute::F16),
        Dtype::Q8_0 if device.is_cpu() => explicit(Compute::Q8_0),
        Dtype::Q8_0 => {
            let problem = format!("q8_0 is computed on the CPU alone, and the device is {}", name(device));
            return Err(ModelError::unsupported(
                Remedy::Dtype.with(Dtype::Q8_0),
                problem,
                format!("Add {}, or take bf16", Remedy::Device.with(DeviceName::Cpu)),
            ));
        }
        Dtype::Auto if device.is_cpu() => {
            let (needed, machine) = (text::bytes(f32_bytes), text::bytes(machine_bytes));
            // An eighth is left to the system and to activations.
            if f32_bytes <= machine_bytes / 8 * 7 {
                let bf16 = || format!("; this CPU multiplies bf16 faster: {}", Remedy::Dtype.with(Dtype::Bf16));
                let faster = if multiplies_bf16() { bf16() } else { String::new() };
                let reason = format!("f32, the most exact, fits this machine's memory ({needed} of {machine}){faster}");
                Chosen { compute: Compute::F32, reason }
            } else {
                let reason = format!("bf16, for f32 would take {needed} of this machine's {machine}");
                Chosen { compute: Compute::Bf16, reason }
            }
        }
        Dtype::Auto => match Compute::of(device.bf16_default_to_f32()) {
            Compute::Bf16 => Chosen { compute: Compute::Bf16, reason: "bf16, as models are published, on a GPU".to_owned() },
            compute => Chosen { compute, reason: format!("{}, for this GPU has no bf16", compute) },
        },
    })
}

/// Whether the CPU has instructions for it.
fn multiplies_bf16() -> bool {
    Kernel::best(Element::Bf16) == Kernel::Avx512Bf16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_f32_on_the_cpu_as_long_as_it_fits_and_says_why() {
        let choose = |asked, bytes| choose(asked, &Device::Cpu, bytes, 800).unwrap();
        let fits = choose(Dtype::Auto, 700);
        assert_eq!(fits.compute, Compute::F32);
        assert!(fits.reason.starts_with("f32, the most exact, fits this machine's memory (700 B of 800 B)"), "{}", fits.reason);
        assert_eq!(fits.reason.contains("dtype bf16"), multiplies_bf16());
        let bf16 = Chosen { compute: Compute::Bf16, reason: "bf16, for f32 would take 701 B of this machine's 800 B".to_owned() };
        assert_eq!(choose(Dtype::Auto, 701), bf16);
        assert_eq!(choose(Dtype::F32, 701), Chosen { compute: Compute::F32, reason: "f32 was asked for".to_owned() });
        assert_eq!(choose(Dtype::F16, 1).compute, Compute::F16);
        assert_eq!(choose(Dtype::Q8_0, 1).compute, Compute::Q8_0);
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
