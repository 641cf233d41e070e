"""The pages of the dashboard: plain state, and the views that show it."""
