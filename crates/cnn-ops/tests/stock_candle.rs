//! What stock candle does instead: a test that fails on the day it is repaired.

use candle_core::{DType, Device, Tensor, Var};

#[test]
fn stock_max_pool_scales_its_gradient_by_the_area_of_the_window() -> candle_core::Result<()> {
    let x = Tensor::new(&[[[[1f32, 2.], [3., 4.]]]], &Device::Cpu)?;
    let x = Var::from_tensor(&x)?;
    let stock = x.max_pool2d(2)?.sum_all()?.backward()?;
    let gradient = stock.get(&x).map(|g| g.flatten_all()?.to_vec1::<f32>());
    assert_eq!(gradient.transpose()?, Some(vec![0., 0., 0., 0.25]));
    let ours = cnn_ops::max_pool2d(&x, &cnn_ops::PoolOptions::square(2, 2))?;
    let ours = ours.sum_all()?.backward()?;
    let gradient = ours.get(&x).map(|g| g.flatten_all()?.to_vec1::<f32>());
    assert_eq!(gradient.transpose()?, Some(vec![0., 0., 0., 1.]));
    Ok(())
}

#[test]
fn stock_pools_have_no_gradient_where_window_and_stride_differ() -> candle_core::Result<()> {
    let x = Var::from_tensor(&Tensor::ones((1, 1, 5, 5), DType::F32, &Device::Cpu)?)?;
    let largest = x.max_pool2d_with_stride(3, 2)?.sum_all()?;
    assert!(largest.backward().is_err());
    assert!(
        x.avg_pool2d_with_stride(3, 1)?
            .sum_all()?
            .backward()
            .is_err()
    );
    Ok(())
}

#[test]
fn stock_relu_has_derivative_one_at_zero() -> candle_core::Result<()> {
    let x = Var::new(&[0f32], &Device::Cpu)?;
    let store = x.relu()?.sum_all()?.backward()?;
    let gradient = store.get(&x).map(|g| g.to_vec1::<f32>()).transpose()?;
    assert_eq!(gradient, Some(vec![1.0]));
    Ok(())
}
