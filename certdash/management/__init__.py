"""Commands that speak for the whole product."""
