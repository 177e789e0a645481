"""Ways to be locked out as tables, and what holds the guard's judgement against real logins."""
