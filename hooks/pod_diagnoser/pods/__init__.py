"""POST /pods/sync: what a Pod shows of its crashes."""
