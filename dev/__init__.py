"""What the product is built, shown and measured with. None of it ships."""
