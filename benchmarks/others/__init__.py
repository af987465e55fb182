"""The same pictures with other libraries, as their documentation shows to make them."""
