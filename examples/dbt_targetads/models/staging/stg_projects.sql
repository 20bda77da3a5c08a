{{ stage('projects', [
    ('project_id', 'project_id', 'bigint'),
    ('valid', 'is_token_valid', 'boolean'),
    ('is_admin', 'is_token_of_admin', 'boolean'),
    ('expires_at', 'token_expires_at', 'timestamp'),
    ('campaign_access', 'campaign_access', 'text'),
]) }}
