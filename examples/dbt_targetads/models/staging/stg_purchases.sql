{{ stage_interactions('purchases') }}
