"""CEL, the language of users' facts and conditions, evaluated in processes that can be ended."""
