"""What the portal costs, measured beside a floor in the same run: `make figures`."""
