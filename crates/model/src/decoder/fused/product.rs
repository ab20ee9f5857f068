//! Matrix products by cuBLASLt whose rows depend on nothing but themselves.
//!
//! For each shape of a matrix one algorithm is chosen at load, one that splits no sum, and every product is run at one of a
//! few numbers of rows. Which numbers may be used is found by trial: those at which the algorithm gives, for a row in the
//! middle of other rows, the same bits as at the largest. So a row's result is the same in any company.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::{Arc, Mutex};

use candle_core::cuda_backend::cudarc::cublas::sys::cublasOperation_t;
use candle_core::cuda_backend::cudarc::cublaslt::{result, sys};
use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaStream, DevicePtr};
use candle_core::{Error, Result};

use super::CHUNK;
use crate::device::Compute;

/// Numbers of rows that are tried, the largest last.
const ROWS: [usize; 6] = [64, 128, 256, 512, 768, CHUNK];

/// What cuBLASLt may use beside: as much as its fastest algorithms ask for on an H100.
const WORKSPACE_BYTES: usize = 32 << 20;

/// `[out, input]` of a matrix.
pub(super) type Dimensions = (usize, usize);

pub(super) struct Products {
    stream: Arc<CudaStream>,
    handle: sys::cublasLtHandle_t,
    descriptor: sys::cublasLtMatmulDesc_t,
    operand: sys::cudaDataType,
    workspace: CudaSlice<u8>,
    plans: Mutex<BTreeMap<Dimensions, Plan>>,
}

// SAFETY: a cuBLASLt handle may be used from any thread, and descriptors are only read after they were made.
unsafe impl Send for Products {}
// SAFETY: as above.
unsafe impl Sync for Products {}

/// How matrices of one shape are multiplied.
#[derive(Clone)]
struct Plan {
    algorithm: sys::cublasLtMatmulAlgo_t,
    /// Ascending.
    rows: Vec<usize>,
}

/// Where a product reads and writes, on the device.
#[derive(Clone, Copy)]
pub(super) struct Pointers {
    pub x: u64,
    pub matrix: u64,
    pub to: u64,
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::msg(format!("cuBLASLt: {error}"))
}

impl Products {
    pub(super) fn new(stream: Arc<CudaStream>, compute: Compute) -> Result<Self> {
        let operand = match compute {
            Compute::Bf16 => sys::cudaDataType::CUDA_R_16BF,
            Compute::F16 => sys::cudaDataType::CUDA_R_16F,
            Compute::F32 | Compute::Q8_0 => sys::cudaDataType::CUDA_R_32F,
        };
        let handle = result::create_handle().map_err(failed)?;
        let compute = sys::cublasComputeType_t::CUBLAS_COMPUTE_32F;
        let descriptor = result::create_matmul_desc(compute, sys::cudaDataType::CUDA_R_32F).map_err(failed)?;
        // Column by column, as cuBLASLt sees it, the result is the matrix transposed times the rows.
        let transposed = cublasOperation_t::CUBLAS_OP_T;
        let attribute = sys::cublasLtMatmulDescAttributes_t::CUBLASLT_MATMUL_DESC_TRANSA;
        // SAFETY: the descriptor was just made, and the attribute is of the size given.
        unsafe {
            result::set_matmul_desc_attribute(descriptor, attribute, (&raw const transposed).cast(), size_of_val(&transposed))
        }
        .map_err(failed)?;
        let workspace = stream.alloc_zeros::<u8>(WORKSPACE_BYTES).map_err(failed)?;
        Ok(Products { stream, handle, descriptor, operand, workspace, plans: Mutex::default() })
    }

    /// Whether a plan stands for matrices of this shape.
    pub(super) fn knows(&self, dimensions: Dimensions) -> bool {
        self.plans.lock().is_ok_and(|plans| plans.contains_key(&dimensions))
    }

    /// Chooses the algorithm for matrices of a shape and finds the numbers of rows at which it may be used. `same` runs the
    /// product at two numbers of rows, the second behind as many rows as said, and says whether its rows have the same bits.
    pub(super) fn plan(
        &self,
        dimensions: Dimensions,
        same: &mut dyn FnMut(&dyn Fn(usize, Pointers) -> Result<()>, usize, usize) -> Result<bool>,
    ) -> Result<()> {
        let algorithm = self.algorithm(dimensions)?;
        let run = |rows: usize, pointers: Pointers| self.run(dimensions, &algorithm, rows, pointers);
        let mut usable = Vec::new();
        for rows in &ROWS[..ROWS.len() - 1] {
            // An algorithm that cannot run at this number of rows is no fault: the number is left out.
            if same(&run, *rows, (CHUNK - rows) / 2).unwrap_or(false) {
                usable.push(*rows);
            }
        }
        usable.push(CHUNK);
        tracing::debug!(?dimensions, ?usable, "products");
        if let Ok(mut plans) = self.plans.lock() {
            plans.insert(dimensions, Plan { algorithm, rows: usable });
        }
        Ok(())
    }

    /// The fastest for many rows among those that split no sum.
    fn algorithm(&self, dimensions: Dimensions) -> Result<sys::cublasLtMatmulAlgo_t> {
        let layouts = Layouts::new(self.operand, dimensions, CHUNK)?;
        let preference = result::create_matmul_pref().map_err(failed)?;
        let bytes = WORKSPACE_BYTES;
        let schemes: u32 = sys::cublasLtReductionScheme_t::CUBLASLT_REDUCTION_SCHEME_NONE as u32;
        use sys::cublasLtMatmulPreferenceAttributes_t::{
            CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
        };
        // SAFETY: the preference was just made and is destroyed here; attributes are of the sizes given; layouts live.
        unsafe {
            let set =
                |attribute, value: *const c_void, size| result::set_matmul_pref_attribute(preference, attribute, value, size);
            let found = set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, (&raw const bytes).cast(), size_of_val(&bytes))
                .and_then(|()| {
                    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, (&raw const schemes).cast(), size_of_val(&schemes))
                })
                .and_then(|()| {
                    let Layouts { matrix, x, to } = layouts;
                    result::get_matmul_algo_heuristic(self.handle, self.descriptor, matrix, x, to, to, preference)
                });
            let destroyed = result::destroy_matmul_pref(preference);
            let found = found.map_err(failed)?;
            destroyed.map_err(failed)?;
            Ok(found.algo)
        }
    }

    /// `rows` rows times a matrix. `x`, `to` hold up to [`CHUNK`] rows more, which may be read and written.
    pub(super) fn multiply(&self, (out, input): Dimensions, rows: usize, bytes: usize, mut at: Pointers) -> Result<()> {
        let plan = self.plans.lock().ok().and_then(|plans| plans.get(&(out, input)).cloned());
        let Some(plan) = plan else { candle_core::bail!("no plan for a matrix [{out}, {input}]") };
        let mut left = rows;
        while left > 0 {
            let next = plan.rows.iter().copied().find(|&usable| usable >= left).unwrap_or(CHUNK);
            self.run((out, input), &plan.algorithm, next, at)?;
            at.x += (next * input * bytes) as u64;
            at.to += (next * out * size_of::<f32>()) as u64;
            left = left.saturating_sub(next);
        }
        Ok(())
    }

    fn run(&self, dimensions: Dimensions, algorithm: &sys::cublasLtMatmulAlgo_t, rows: usize, at: Pointers) -> Result<()> {
        let layouts = Layouts::new(self.operand, dimensions, rows)?;
        let (one, zero) = (1f32, 0f32);
        let (workspace, _guard) = self.workspace.device_ptr(&self.stream);
        // SAFETY: whoever calls gives pointers to as many values as the layouts say; handle, descriptor and layouts live; the
        // stream orders the product behind what wrote its rows and before what reads its result.
        unsafe {
            result::matmul(
                self.handle,
                self.descriptor,
                (&raw const one).cast(),
                (&raw const zero).cast(),
                at.matrix as *const c_void,
                layouts.matrix,
                at.x as *const c_void,
                layouts.x,
                at.to as *const c_void,
                layouts.to,
                at.to as *mut c_void,
                layouts.to,
                algorithm,
                workspace as *mut c_void,
                WORKSPACE_BYTES,
                self.stream.cu_stream() as sys::cudaStream_t,
            )
        }
        .map_err(failed)
    }
}

impl Drop for Products {
    fn drop(&mut self) {
        // SAFETY: both were made by `new` and are used by nothing else.
        let freed = unsafe { (result::destroy_matmul_desc(self.descriptor), result::destroy_handle(self.handle)) };
        if let (Err(error), _) | (_, Err(error)) = freed {
            tracing::warn!(%error, "cuBLASLt was not freed");
        }
    }
}

/// Column by column, as cuBLASLt has it.
struct Layouts {
    /// `[input, out]`
    matrix: sys::cublasLtMatrixLayout_t,
    /// `[input, rows]`
    x: sys::cublasLtMatrixLayout_t,
    /// `[out, rows]`, in f32
    to: sys::cublasLtMatrixLayout_t,
}

impl Layouts {
    fn new(operand: sys::cudaDataType, (out, input): Dimensions, rows: usize) -> Result<Self> {
        let layout = |dtype, height: usize, width: usize| {
            result::create_matrix_layout(dtype, height as u64, width as u64, height as i64).map_err(failed)
        };
        Ok(Layouts {
            matrix: layout(operand, input, out)?,
            x: layout(operand, input, rows)?,
            to: layout(sys::cudaDataType::CUDA_R_32F, out, rows)?,
        })
    }
}

impl Drop for Layouts {
    fn drop(&mut self) {
        for layout in [self.matrix, self.x, self.to] {
            // SAFETY: made by `new`, and a product that was begun has taken what it needs of it.
            if let Err(error) = unsafe { result::destroy_matrix_layout(layout) } {
                tracing::warn!(%error, "a layout of cuBLASLt was not freed");
            }
        }
    }
}
