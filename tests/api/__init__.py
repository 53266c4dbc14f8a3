"""The pages, over HTTP, with a real worker behind them."""
