"""How facts are declared, evaluated and judged."""
